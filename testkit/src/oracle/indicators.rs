//! Indicators by brute force: the whole series, filled, and each formula over all of it.

use std::collections::BTreeMap;

use dataflows::Params;
use model::{Address, Event, Migrated, Seconds, Trade};
use operators::candles::{self, Candle, Interval, Series};
use operators::indicators::{Indicators, Values, step_s};
use operators::number::Number;

/// All indicators at the second `now`.
pub(super) fn indicators(
    events: &[Event],
    (now, is_end): (Seconds, bool),
    params: &Params,
) -> Vec<Indicators> {
    let mut rows = Vec::new();
    for interval in &params.market.indicators.intervals {
        // They say what had come before the last whole step.
        let upto = if is_end { now } else { now - now % step_s(*interval) };
        let mut clock = 0;
        let is_before = |event: &&Event| {
            clock = clock.max(event.clock().unwrap_or(0));
            is_end || clock < upto
        };
        let events: Vec<Event> = events.iter().take_while(is_before).cloned().collect();
        let mut tokens: BTreeMap<Address, Vec<Candle>> = BTreeMap::new();
        for candle in candles(&events, upto, *interval, params) {
            if candle.series == Series::Primary && candle.prices.is_some() {
                tokens.entry(candle.id).or_default().push(candle);
            }
        }
        for candles in tokens.into_values() {
            rows.extend(token(&candles, upto, *interval, params));
        }
    }
    rows
}

fn candles(events: &[Event], now: Seconds, interval: Interval, params: &Params) -> Vec<Candle> {
    let survivors = super::survivors(events, &super::slot_states(events), params);
    let trades: Vec<Trade> = survivors.iter().filter_map(super::as_trade).collect();
    let moves: Vec<Migrated> = survivors.iter().filter_map(super::as_migration).collect();
    let params_of_candles = candles::Params { intervals: vec![interval], ..params.market.candles.clone() };
    let valued = super::usd::usd(&super::prices(&trades, params), events, params);
    super::candles::candles(&valued, &moves, now, &params_of_candles)
}

/// The rows of one token, whose candles are in order.
fn token(candles: &[Candle], now: Seconds, interval: Interval, params: &Params) -> Vec<Indicators> {
    let params = &params.market.indicators;
    let length = interval.seconds();
    let longest = (length * params.gap_bars_max).min(params.remember_s);
    let is_far = |a: &Candle, b: &Candle| b.open_time - (a.open_time + length) > longest;
    let mut rows = Vec::new();
    for candles in candles.chunk_by(|a, b| !is_far(a, b)) {
        let (mut bars, mut opens) = (Bars::default(), Vec::new());
        for candle in candles {
            let prices = candle.prices.expect("only such candles are given");
            while let Some((last, close)) = opens.last().copied().zip(bars.close.last().copied())
                && last + length < candle.open_time
            {
                bars.push(close, close, close);
                opens.push(last + length);
            }
            bars.push(prices.high.get(), prices.low.get(), prices.close.get());
            opens.push(candle.open_time);
        }
        let values = bars.values(params);
        rows.extend(candles.iter().map(|candle| Indicators {
            mint: candle.id,
            interval,
            open_time: candle.open_time,
            values: values[opens.iter().position(|open| *open == candle.open_time).expect("it is a bar")],
            is_provisional: candle.open_time + length > now,
        }));
    }
    rows
}

/// A series: as many numbers as there are bars, missing ones at the front.
type Line = Vec<Option<f64>>;

#[derive(Default)]
struct Bars {
    high: Vec<f64>,
    low: Vec<f64>,
    close: Vec<f64>,
}

impl Bars {
    fn push(&mut self, high: f64, low: f64, close: f64) {
        self.high.push(high);
        self.low.push(low);
        self.close.push(close);
    }

    fn values(&self, params: &operators::indicators::Params) -> Vec<Values> {
        let close: Line = self.close.iter().copied().map(Some).collect();
        let (ema12, ema26) = (ema(&close, 12), ema(&close, 26));
        let macd = minus(&ema12, &ema26);
        let signal = ema(&macd, 9);
        let histogram = minus(&macd, &signal);
        let (rsi, atr) = (self.rsi(), self.atr());
        let number = |value: Option<f64>| value.and_then(Number::new);
        let mut values = Vec::new();
        for bar in 0..close.len() {
            let bands = last(&self.close[..=bar], 20).map(bands);
            let mut row = Values {
                rsi14: number(rsi[bar]),
                macd: number(macd[bar]),
                macd_signal: number(signal[bar]),
                macd_hist: number(histogram[bar]),
                bb_mid: number(bands.map(|[_, mid, _]| mid)),
                bb_up: number(bands.map(|[_, _, up]| up)),
                bb_low: number(bands.map(|[low, _, _]| low)),
                bb_position: number(
                    bands.filter(|b| b[0] != b[2]).map(|[low, _, up]| (self.close[bar] - low) / (up - low)),
                ),
                bb_bandwidth: number(bands.map(|[low, mid, up]| (up - low) / mid)),
                atr14: number(atr[bar]),
                ema12: number(ema12[bar]),
                ema26: number(ema26[bar]),
                volatility: number(self.volatility(bar, params.volatility_bars)),
                parkinson: number(self.parkinson(bar, params.volatility_bars)),
                ..Values::default()
            };
            if let Some(atr) = atr[bar] {
                let levels = self.levels(bar, atr, params);
                let below = levels.iter().rfind(|(price, _)| *price < self.close[bar]);
                let above = levels.iter().find(|(price, _)| *price > self.close[bar]);
                row.support = below.and_then(|(price, _)| Number::new(*price));
                row.support_strength = below.map(|(_, pivots)| *pivots);
                row.resistance = above.and_then(|(price, _)| Number::new(*price));
                row.resistance_strength = above.map(|(_, pivots)| *pivots);
            }
            values.push(row);
        }
        values
    }

    fn rsi(&self) -> Line {
        let moves = |sign: f64| -> Line {
            let moves = self.close.windows(2).map(|pair| Some((sign * (pair[1] - pair[0])).max(0.0)));
            std::iter::once(None).chain(moves).collect()
        };
        let (gains, losses) = (wilder(&moves(1.0)), wilder(&moves(-1.0)));
        let index = |(gain, loss): (Option<f64>, Option<f64>)| match (gain?, loss?) {
            (0.0, 0.0) => Some(50.0),
            (_, 0.0) => Some(100.0),
            (gain, loss) => Some(100.0 - 100.0 / (1.0 + gain / loss)),
        };
        gains.into_iter().zip(losses).map(index).collect()
    }

    fn atr(&self) -> Line {
        let range = |bar: usize| {
            let (high, low) = (self.high[bar], self.low[bar]);
            let before = if bar == 0 { None } else { Some(self.close[bar - 1]) };
            let reach = before.map_or(0.0, |close| (high - close).abs().max((low - close).abs()));
            Some((high - low).max(reach))
        };
        wilder(&(0..self.close.len()).map(range).collect::<Line>())
    }

    #[expect(clippy::cast_precision_loss, reason = "a small count")]
    fn volatility(&self, bar: usize, bars: usize) -> Option<f64> {
        let closes = last(&self.close[..=bar], bars + 1)?;
        let returns: Vec<f64> = closes.windows(2).map(|pair| (pair[1] / pair[0]).ln()).collect();
        let mean = returns.iter().sum::<f64>() / bars as f64;
        let squares: f64 = returns.iter().map(|r| (r - mean).powi(2)).sum();
        Some((squares / (bars as f64 - 1.0)).sqrt())
    }

    #[expect(clippy::cast_precision_loss, reason = "a small count")]
    fn parkinson(&self, bar: usize, bars: usize) -> Option<f64> {
        let (high, low) = (last(&self.high[..=bar], bars)?, last(&self.low[..=bar], bars)?);
        let squares: f64 = high.iter().zip(low).map(|(high, low)| (high / low).ln().powi(2)).sum();
        Some((squares / (4.0 * bars as f64 * 2f64.ln())).sqrt())
    }

    /// Price and pivots of every level, from the lowest up.
    fn levels(&self, bar: usize, atr: f64, params: &operators::indicators::Params) -> Vec<(f64, u32)> {
        let span = usize::try_from(params.level_bars).expect("it is small");
        let first = (bar + 1).saturating_sub(span).max(2);
        let mut pivots: Vec<f64> = Vec::new();
        for at in first..bar.saturating_sub(1) {
            let around = [at - 2, at - 1, at + 1, at + 2];
            pivots.extend(Some(self.high[at]).filter(|high| around.iter().all(|i| self.high[*i] < *high)));
            pivots.extend(Some(self.low[at]).filter(|low| around.iter().all(|i| self.low[*i] > *low)));
        }
        pivots.sort_by(f64::total_cmp);
        let mut levels: Vec<Vec<f64>> = Vec::new();
        for pivot in pivots {
            match levels.last_mut() {
                Some(level) if pivot - level[0] <= params.level_join_atr * atr => level.push(pivot),
                _ => levels.push(vec![pivot]),
            }
        }
        let mean = |level: &Vec<f64>| {
            let count = u32::try_from(level.len()).expect("it is small");
            (level.iter().sum::<f64>() / f64::from(count), count)
        };
        levels.iter().map(mean).collect()
    }
}

/// The last `count` numbers; none if there are fewer.
fn last(numbers: &[f64], count: usize) -> Option<&[f64]> {
    numbers.len().checked_sub(count).map(|first| &numbers[first..])
}

fn minus(a: &Line, b: &Line) -> Line {
    a.iter().zip(b).map(|(a, b)| Some((*a)? - (*b)?)).collect()
}

/// Lower, middle and upper band.
#[expect(clippy::cast_precision_loss, reason = "a small count")]
fn bands(closes: &[f64]) -> [f64; 3] {
    let count = closes.len() as f64;
    if closes.iter().all(|close| *close == closes[0]) {
        return [closes[0]; 3];
    }
    let mean = closes.iter().sum::<f64>() / count;
    let deviation = (closes.iter().map(|close| (close - mean).powi(2)).sum::<f64>() / count).sqrt();
    [mean - 2.0 * deviation, mean, mean + 2.0 * deviation]
}

/// Goes on from the mean of the first `count` numbers that are there.
fn smoothed(line: &Line, count: usize, next: impl Fn(f64, f64) -> f64) -> Line {
    let there: Vec<f64> = line.iter().copied().flatten().collect();
    let mut smoothed = vec![None; line.len()];
    let Some(seed) = there.get(..count) else { return smoothed };
    #[expect(clippy::cast_precision_loss, reason = "a small count")]
    let mut value = seed.iter().sum::<f64>() / count as f64;
    let start = line.len() - there.len() + count - 1;
    smoothed[start] = Some(value);
    for (at, number) in there.iter().enumerate().skip(count) {
        value = next(value, *number);
        smoothed[line.len() - there.len() + at] = Some(value);
    }
    smoothed
}

#[expect(clippy::cast_precision_loss, reason = "a small count")]
fn ema(line: &Line, count: usize) -> Line {
    let alpha = 2.0 / (count as f64 + 1.0);
    smoothed(line, count, |before, number| alpha * number + (1.0 - alpha) * before)
}

fn wilder(line: &Line) -> Line {
    smoothed(line, 14, |before, number| (13.0 * before + number) / 14.0)
}
