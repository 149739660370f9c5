//! The bare loop: sliding windows in one thread, without taking anything back.
//!
//! A loop as one would write it for one run over a clean file: a list of the trades of each token, and for each
//! width where the window begins in it, with running sums and a map of how often each trader is in it.
//! The loop writes the same rows at the same times, those of a window that trades have left included.

use std::collections::{BTreeMap, VecDeque};

use model::{Address, Price, Seconds, Side};
use operators::bar::TraderKey;
use operators::windows::{Input, Tick};
use rustc_hash::FxHashMap;

#[derive(Clone, Default)]
struct Window {
    /// How many of the token's trades have left it, and how many the window before it.
    gone: (u64, u64),
    buys: u64,
    sells: u64,
    buy_quote: u128,
    sell_quote: u128,
    previous: (u64, u128),
    /// How often each trader bought and sold.
    traders: FxHashMap<TraderKey, (u32, u32)>,
    buyers: u64,
    sellers: u64,
    then: Option<Price>,
}

impl Window {
    fn trades(&self) -> u64 {
        self.buys + self.sells
    }

    fn add(&mut self, tick: &Tick) {
        let (count, quote, distinct) = match tick.side {
            Side::Buy => (&mut self.buys, &mut self.buy_quote, &mut self.buyers),
            Side::Sell => (&mut self.sells, &mut self.sell_quote, &mut self.sellers),
        };
        *count += 1;
        *quote += u128::from(tick.quote);
        let Some(trader) = tick.trader else { return };
        let times = self.traders.entry(trader).or_default();
        let times = if tick.side == Side::Buy { &mut times.0 } else { &mut times.1 };
        *times += 1;
        *distinct += u64::from(*times == 1);
    }

    fn drop(&mut self, tick: &Tick) {
        let (count, quote, distinct) = match tick.side {
            Side::Buy => (&mut self.buys, &mut self.buy_quote, &mut self.buyers),
            Side::Sell => (&mut self.sells, &mut self.sell_quote, &mut self.sellers),
        };
        *count -= 1;
        *quote -= u128::from(tick.quote);
        self.then = tick.price.or(self.then);
        let Some(trader) = tick.trader else { return };
        let Some(both) = self.traders.get_mut(&trader) else { return };
        let times = if tick.side == Side::Buy { &mut both.0 } else { &mut both.1 };
        *times -= 1;
        *distinct -= u64::from(*times == 0);
        if *both == (0, 0) {
            self.traders.remove(&trader);
        }
    }
}

#[derive(Default)]
struct Token {
    ticks: VecDeque<Tick>,
    /// How many are no longer among the ticks.
    dropped: u64,
    windows: Vec<Window>,
    highs: VecDeque<(Seconds, Price)>,
    lows: VecDeque<(Seconds, Price)>,
    timer: Seconds,
    written_at: u64,
}

/// See the module.
pub(crate) struct Windows {
    widths: Vec<Seconds>,
    tokens: FxHashMap<Address, Token>,
    timers: BTreeMap<Seconds, Vec<Address>>,
    batches: u64,
}

/// The start of a window.
fn start(width: Seconds, now: Seconds) -> Seconds {
    let tick = if width <= 3600 { 1 } else { 10 };
    (now - now % tick).saturating_sub(width)
}

/// When a trade leaves it.
fn exit(width: Seconds, time: Seconds) -> Seconds {
    let tick = if width <= 3600 { 1 } else { 10 };
    time.next_multiple_of(tick) + width
}

impl Token {
    fn add(&mut self, tick: &Tick) {
        self.ticks.push_back(*tick);
        self.windows.iter_mut().for_each(|window| window.add(tick));
        let Some(price) = tick.price else { return };
        while self.highs.back().is_some_and(|(_, high)| *high <= price) {
            self.highs.pop_back();
        }
        self.highs.push_back((tick.time, price));
        while self.lows.back().is_some_and(|(_, low)| *low >= price) {
            self.lows.pop_back();
        }
        self.lows.push_back((tick.time, price));
    }

    /// Lets out what has left; when more will.
    fn advance(&mut self, now: Seconds, widths: &[Seconds]) -> Seconds {
        let mut next = Seconds::MAX;
        for (window, width) in self.windows.iter_mut().zip(widths) {
            let start = start(*width, now);
            let at = |gone: u64| usize::try_from(gone - self.dropped).ok().and_then(|at| self.ticks.get(at));
            while let Some(tick) = at(window.gone.0).filter(|tick| tick.time <= start) {
                window.drop(tick);
                window.gone.0 += 1;
                window.previous.0 += 1;
                window.previous.1 += u128::from(tick.quote);
            }
            while let Some(tick) = at(window.gone.1).filter(|tick| tick.time + width <= start) {
                window.gone.1 += 1;
                window.previous.0 -= 1;
                window.previous.1 -= u128::from(tick.quote);
            }
            next = at(window.gone.0).map_or(next, |tick| next.min(exit(*width, tick.time)));
            next = at(window.gone.1).map_or(next, |tick| next.min(exit(*width, tick.time) + width));
        }
        let gone = self.windows.iter().map(|window| window.gone.1).min().unwrap_or(0);
        while self.dropped < gone {
            self.ticks.pop_front();
            self.dropped += 1;
        }
        next
    }

    /// Writes its rows; where a row is only counted the parts are looked up all the same.
    fn write(&self, now: Seconds, widths: &[Seconds], row: &mut impl FnMut(u64)) {
        let close = self.ticks.iter().next_back().and_then(|tick| tick.price);
        for (window, width) in self.windows.iter().zip(widths) {
            let start = start(*width, now);
            let first = |steps: &VecDeque<(Seconds, Price)>| {
                let at = steps.partition_point(|(time, _)| *time <= start);
                steps.get(at).map(|(_, price)| *price)
            };
            std::hint::black_box((first(&self.highs), first(&self.lows), close, window.then));
            std::hint::black_box((window.buy_quote, window.sell_quote, window.previous));
            std::hint::black_box((window.traders.len(), window.buyers, window.sellers));
            row(window.trades());
        }
    }
}

impl Windows {
    /// No trades yet.
    pub(crate) fn new(widths: &[Seconds]) -> Self {
        let (tokens, timers) = (FxHashMap::default(), BTreeMap::new());
        Self { widths: widths.to_vec(), tokens, timers, batches: 0 }
    }

    /// Takes in the trades of a batch, and calls `row` for each row that is written, with its trades.
    pub(crate) fn batch(&mut self, now: Seconds, inputs: &[Input], mut row: impl FnMut(u64)) {
        self.batches += 1;
        let mut touched = Vec::new();
        while let Some(due) = self.timers.first_entry().filter(|due| *due.key() <= now) {
            for mint in due.remove() {
                let Some(token) = self.tokens.get_mut(&mint).filter(|t| t.timer <= now) else { continue };
                token.timer = Seconds::MAX;
                if token.written_at != self.batches {
                    token.written_at = self.batches;
                    touched.push(mint);
                }
            }
        }
        for input in inputs {
            let Input::Trade(trade) = input else { continue };
            let token = self.tokens.entry(trade.mint).or_default();
            token.windows.resize(self.widths.len(), Window::default());
            token.add(&trade.tick);
            if token.written_at != self.batches {
                token.written_at = self.batches;
                touched.push(trade.mint);
            }
        }
        for mint in touched {
            let Some(token) = self.tokens.get_mut(&mint) else { continue };
            let next = token.advance(now, &self.widths);
            if next < token.timer || token.timer <= now {
                token.timer = next;
                self.timers.entry(next).or_default().push(mint);
            }
            token.write(now, &self.widths, &mut row);
        }
    }

    /// The trades in all windows.
    pub(crate) fn standing(&self) -> u64 {
        self.tokens.values().flat_map(|token| &token.windows).map(Window::trades).sum()
    }
}
