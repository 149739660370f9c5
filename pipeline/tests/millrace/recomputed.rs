//! The tables of a replay worked out again by another program, in another language, that shares no code:
//! `testkit/recompute`.

use std::path::Path;
use std::process::{Command, Output};

use crate::common::{run, shared, stderr, stdout};

/// Runs the program; none if there is no Python.
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn recompute(arguments: &[&str]) -> Option<Output> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/recompute/recompute.py");
    // It leaves nothing beside its sources.
    let output = Command::new("python3").arg("-B").arg(&script).args(arguments).output();
    if output.is_err() {
        println!("skipped: python3 is not there");
    }
    output.ok()
}

/// Every wallet at every second, and nothing forgotten: what the program reads spans years.
const CONFIG: &str = "
[dataflow.market.wallets]
step_s = 1
mark_s = 1
remember_s = 1000000000
[dataflow.market.holders]
remember_s = 1000000000
[dataflow.market.candles]
remember_s = 1000000000
[dataflow.market.windows]
remember_s = 1000000000
[dataflow.market.tokens]
remember_s = 1000000000
[dataflow.market.prices]
remember_s = 1000000000
";

/// Replays `input` in `folder` and compares the tables; the program must find no difference in any of them.
fn assert_equal(folder: &Path, replayed: &[&str], compared: &[&str]) {
    let [config, out] = ["millrace.toml", "out"].map(|name| folder.join(name));
    let [config, out] = [&config, &out].map(|path| path.to_str().unwrap());
    std::fs::write(config, CONFIG).unwrap();
    let arguments = [&["--config", config, "replay", "--out", out], replayed].concat();
    let output = run(folder, &arguments);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", stderr(&output));
    let Some(output) = recompute(&[&[out], compared].concat()) else { return };
    let told = stdout(&output);
    assert!(output.status.success(), "{told}{}", stderr(&output));
    for table in
        ["trades", "candles", "token_stats", "wallet_positions", "wallet_stats", "holders", "concentration"]
    {
        let is_compared = |line: &str| line.starts_with(&format!("{table}: ")) && !line.contains(" 0 rows");
        assert!(told.lines().any(is_compared), "{table} was not compared: {told}");
    }
}

#[test]
fn wallets_windows_candles_and_holders_of_captures_equal_those_of_a_program_that_shares_no_code() {
    let Some(coins) = shared("trades/pumpswap_2026-06.jsonl") else {
        println!("skipped: ../shared/data/trades is not there");
        return;
    };
    let coins = coins.to_str().unwrap();
    let Some(prices) = recompute(&["--make-quotes", coins]) else { return };
    assert!(prices.status.success(), "{}", stderr(&prices));
    let folder = tempfile::tempdir().unwrap();
    let quotes = folder.path().join("sol.jsonl");
    std::fs::write(&quotes, &prices.stdout).unwrap();
    let quotes = quotes.to_str().unwrap();
    let replayed = [coins, "--source", "trades", "--quotes", quotes];
    assert_equal(folder.path(), &replayed, &["--captures", coins, "--quotes", quotes]);
}

#[test]
fn wallets_windows_candles_and_holders_of_transactions_equal_those_of_a_program_that_shares_no_code() {
    let Some(transactions) = shared("transactions") else {
        println!("skipped: ../shared/data/transactions is not there");
        return;
    };
    let transactions = transactions.to_str().unwrap();
    let folder = tempfile::tempdir().unwrap();
    assert_equal(folder.path(), &[transactions], &["--transactions", transactions]);
}
