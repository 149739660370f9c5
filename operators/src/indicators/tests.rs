//! The formulas against answers worked out elsewhere, and a token's rows against themselves.

use model::time::start_of;
use model::{Address, Price};

use super::*;
use crate::keyed::Store;
use crate::number::Number;

/// Closes, highs and lows with what the indicators of them are, and more that is not of indicators.
const ANSWERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/spec/known_answers.json");

fn price(value: f64) -> Price {
    Price::new(value).unwrap()
}

fn prices(high: f64, low: f64, close: f64) -> Prices {
    Prices { high: price(high), low: price(low), close: price(close) }
}

#[track_caller]
fn assert_near(found: Option<Number>, expected: Option<f64>) {
    let (found, is_missing) = (found.map(Number::get), expected.is_none());
    let is_near = found.zip(expected).is_some_and(|(found, expected)| (found - expected).abs() < 1e-9);
    assert!(is_near || (is_missing && found.is_none()), "expected {expected:?}, found {found:?}");
}

#[test]
fn known_answers_hold() {
    let Ok(text) = std::fs::read_to_string(ANSWERS) else {
        println!("not checked: there is no {ANSWERS}");
        return;
    };
    let answers: serde_json::Value = serde_json::from_str(&text).unwrap();
    let numbers = |key: &str| -> Vec<f64> {
        answers[key].as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
    };
    let (closes, highs, lows) = (numbers("closes"), numbers("highs"), numbers("lows"));
    let mut study = Study::new(&Params::default());
    let mut said = Vec::new();
    for ((close, high), low) in closes.iter().zip(&highs).zip(&lows) {
        study.push(prices(*high, *low, *close));
        said.push(study.values());
    }
    let each = |key: &str| -> Vec<(usize, serde_json::Value)> {
        let answers = answers[key].as_object().unwrap();
        answers.iter().map(|(bar, answer)| (bar.parse().unwrap(), answer.clone())).collect()
    };
    for (bar, answer) in each("rsi14") {
        assert_near(said[bar].rsi14, answer.as_f64());
    }
    for (bar, answer) in each("atr14") {
        assert_near(said[bar].atr14, answer.as_f64());
    }
    for (bar, answer) in each("macd") {
        let Values { macd, macd_signal, macd_hist, .. } = said[bar];
        for (found, at) in [macd, macd_signal, macd_hist].into_iter().zip(0..) {
            assert_near(found, answer.get(at).and_then(serde_json::Value::as_f64));
        }
    }
    for (bar, answer) in each("boll20_2") {
        let Values { bb_low, bb_mid, bb_up, .. } = said[bar];
        for (found, at) in [bb_low, bb_mid, bb_up].into_iter().zip(0..) {
            assert_near(found, answer.get(at).and_then(serde_json::Value::as_f64));
        }
    }
    let last = said.last().unwrap();
    assert_near(last.ema12, answers["ema12_last"].as_f64());
    assert_near(last.ema26, answers["ema26_last"].as_f64());
    let of_closes = |close: fn(u32) -> f64| {
        let mut study = Study::new(&Params::default());
        (0..30).map(close).for_each(|close| study.push(prices(close, close, close)));
        study.values().rsi14
    };
    assert_near(of_closes(|_| 7.0), answers["rsi_flat"].as_f64());
    assert_near(of_closes(|bar| f64::from(bar + 1)), answers["rsi_up"].as_f64());
}

const MINT: Address = Address::WSOL;
const HORIZON: Horizon = Horizon(60);

/// Bars of a minute and of five, and a gap of ten bars at most.
fn params() -> Params {
    let intervals = ["1m", "5m"].map(|text| Interval::try_from(text.to_owned()).unwrap());
    Params { intervals: intervals.to_vec(), gap_bars_max: 10, ..Params::default() }
}

fn bar(minute: Seconds, close: f64) -> Input {
    let prices = prices(close * 1.5, close * 0.5, close);
    Input { mint: MINT, open: minute * 60, prices: Some(prices) }
}

/// No bar.
fn gone(minute: Seconds) -> Input {
    Input { mint: MINT, open: minute * 60, prices: None }
}

/// A store and all rows that it has said to be there.
struct Run {
    store: Store<Token>,
    rows: Vec<Indicators>,
}

impl Run {
    fn new() -> Self {
        Self { store: Store::new((params(), HORIZON)), rows: Vec::new() }
    }

    /// Applies changes at a second and closes it; the number of changes to the rows.
    fn step(&mut self, second: Seconds, changes: &[Input]) -> usize {
        while let Some(due) = self.store.next_timer().filter(|due| *due < start_of(second)) {
            self.store.fire(due);
            self.close();
        }
        self.store.fire(start_of(second));
        for input in changes {
            self.store.apply(start_of(second), *input, 1);
        }
        self.close()
    }

    fn close(&mut self) -> usize {
        let (mut count, rows) = (0, &mut self.rows);
        self.store.close(|row, diff| {
            count += 1;
            if diff > 0 {
                rows.push(row);
            } else {
                let at = rows.iter().position(|other| *other == row).expect("a row is there before it goes");
                rows.swap_remove(at);
            }
        });
        count
    }

    /// The rows of one-minute bars from a minute on, in order.
    fn minutes(&self, from: Seconds) -> Vec<Indicators> {
        let is_wanted = |row: &&Indicators| row.interval.seconds() == 60 && row.open_time >= from * 60;
        let mut rows: Vec<Indicators> = self.rows.iter().filter(is_wanted).cloned().collect();
        rows.sort();
        rows
    }

    fn bytes(&self) -> usize {
        postcard::to_stdvec(&self.store.states().map(|(_, state)| state).collect::<Vec<_>>()).unwrap().len()
    }
}

fn wave(minute: Seconds) -> f64 {
    let angle = f64::from(u32::try_from(minute % 100_000).unwrap());
    100.0 + 10.0 * (angle / 3.0).sin()
}

#[test]
fn an_open_bar_is_provisional_and_written_a_second_later() {
    let mut run = Run::new();
    assert_eq!(run.step(605, &[bar(10, 4.0)]), 0);
    assert_eq!(run.step(606, &[bar(10, 5.0)]), 1, "of a minute; five have a step of 5");
    let rows = run.minutes(0);
    assert_eq!((rows.len(), rows[0].open_time, rows[0].is_provisional), (1, 600, true));
    run.step(659, &[]);
    assert!(run.minutes(0)[0].is_provisional);
    run.step(660, &[]);
    assert!(!run.minutes(0)[0].is_provisional);
    assert_eq!(run.store.next_timer(), Some(start_of(900)), "the end of the five minutes");
}

#[test]
fn a_correction_ends_as_if_the_bar_had_always_been_so() {
    let (mut late, mut early) = (Run::new(), Run::new());
    for minute in 1000..1150 {
        let now = minute * 60 + 1;
        // Minute 1030 comes late, 1040 is corrected, 1050 goes; 1060 to 1063 have no trades.
        let fixed =
            |minute: Seconds| if minute == 1040 { bar(minute, 130.0) } else { bar(minute, wave(minute)) };
        let mut changes = Vec::new();
        if !(1060..1064).contains(&minute) && ![1030, 1050].contains(&minute) {
            early.step(now, &[fixed(minute)]);
            changes.push(bar(minute, wave(minute)));
        }
        if minute == 1030 {
            early.step(now, &[fixed(minute)]);
        }
        if minute == 1050 {
            changes.push(bar(minute, wave(minute)));
        }
        if minute == 1070 {
            changes.extend([bar(1030, wave(1030)), gone(1050)]);
            changes.extend([bar(1040, 130.0)]);
        }
        late.step(now, &changes);
    }
    early.step(1160 * 60, &[]);
    late.step(1160 * 60, &[]);
    early.rows.sort();
    late.rows.sort();
    assert_eq!(early.rows.len(), (145 + 30));
    assert!(early.rows.last().unwrap().values.support.is_some());
    assert_eq!(early.rows, late.rows);
}

#[test]
fn bars_without_trades_count_and_a_long_silence_starts_anew() {
    let mut run = Run::new();
    for minute in 1000..1014 {
        run.step(minute * 60, &[bar(minute, 4.0)]);
    }
    // Ten bars are filled: by then there are 25, and one more is what the slow average wants.
    run.step(1024 * 60, &[bar(1024, 4.0)]);
    run.step(1025 * 60, &[]);
    let last = run.minutes(1014);
    assert_eq!((last.len(), last[0].open_time), (1, 1024 * 60));
    assert_eq!((last[0].values.rsi14.map(Number::get), last[0].values.ema26), (Some(50.0), None));
    run.step(1035 * 60, &[bar(1035, 4.0)]);
    run.step(1036 * 60, &[]);
    assert_near(run.minutes(1035)[0].values.ema26, Some(4.0));
    run.step(1047 * 60, &[bar(1047, 4.0)]);
    run.step(1048 * 60, &[]);
    assert_eq!(run.minutes(1047)[0].values, Values::default(), "eleven bars of silence");
    // The bar goes, and the gap is that to the one before it.
    run.step(1048 * 60 + 1, &[gone(1047), bar(1046, 4.0)]);
    run.step(1049 * 60, &[]);
    let last = run.minutes(1036);
    assert_eq!((last.len(), last[0].open_time), (1, 1046 * 60));
    assert_near(last[0].values.ema26, Some(4.0));
}

#[test]
fn a_silence_is_measured_from_the_last_trade_that_stands() {
    let mut run = Run::new();
    for minute in 1000..1026 {
        run.step(minute * 60, &[bar(minute, 4.0)]);
    }
    run.step(1034 * 60, &[bar(1034, 4.0)]);
    run.step(1034 * 60 + 5, &[]);
    assert_near(run.minutes(1034)[0].values.ema26, Some(4.0));
    run.step(1034 * 60 + 6, &[gone(1034)]);
    run.step(1037 * 60, &[bar(1037, 4.0)]);
    run.step(1038 * 60, &[]);
    let last = run.minutes(1026);
    assert_eq!((last.len(), last[0].open_time, last[0].values.ema26), (1, 1037 * 60, None));
}

#[test]
fn state_is_bounded_and_a_silent_token_is_let_go() {
    let mut run = Run::new();
    let mut sizes = Vec::new();
    for minute in 1000..2000 {
        run.step(minute * 60, &[bar(minute, wave(minute))]);
        sizes.push(run.bytes());
    }
    assert!(sizes[999] < sizes[300] * 5 / 4, "{} bytes, and {} later", sizes[300], sizes[999]);
    let quiet = 1999 * 60 + 60 + 60 + 3600 + 600;
    run.step(quiet, &[]);
    assert!(run.bytes() < sizes[999] / 3, "{} of {} bytes", run.bytes(), sizes[999]);
    run.step(quiet + 12 * 300, &[]);
    assert!(run.store.is_empty(), "ten bars of five minutes later nothing that comes goes on from there");
    assert_eq!(run.rows.len(), 1200, "rows stay");
}

#[test]
fn what_is_past_correction_is_not_changed() {
    let mut run = Run::new();
    for minute in 1000..1200 {
        run.step(minute * 60, &[bar(minute, wave(minute))]);
    }
    run.step(1200 * 60, &[]);
    let before = run.rows.len();
    run.step(1200 * 60 + 1, &[gone(1010)]);
    assert_eq!((run.step(1201 * 60, &[]), run.rows.len()), (0, before));
}

#[test]
fn steps_divide_their_interval() {
    let steps = ["1s", "90s", "1m", "5m", "7m", "1h", "1d"]
        .map(|text| step_s(Interval::try_from(text.to_owned()).unwrap()));
    assert_eq!(steps, [1, 1, 1, 5, 7, 60, 60]);
}
