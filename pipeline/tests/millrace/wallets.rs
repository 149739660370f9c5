//! What wallets have made, from recorded and made-up trades whose right answers are known.

use std::path::Path;

use serde_json::{Value, json};

use crate::common::{rows, run_well, shared};

/// The only row of a table that has these values.
fn only(folder: &Path, table: &str, wanted: &[(&str, &Value)]) -> Value {
    let is_wanted = |row: &Value| wanted.iter().all(|(column, value)| &row[*column] == *value);
    let mut found: Vec<Value> =
        rows(&folder.join(format!("out/{table}.jsonl"))).into_iter().filter(is_wanted).collect();
    assert_eq!(found.len(), 1, "{table} {wanted:?}");
    found.remove(0)
}

fn assert_columns(row: &Value, expected: &[(&str, Value)]) {
    for (column, value) in expected {
        assert_eq!(&row[*column], value, "{column} of {row}");
    }
}

#[test]
fn figures_in_sol_and_in_usd_are_each_over_one_set_of_positions() {
    let (Some(trades), Some(quotes)) =
        (shared("faults/01-two-currencies.jsonl"), shared("faults/01-quotes.jsonl"))
    else {
        println!("skipped: ../shared/data/faults is not there");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let [trades, quotes] = [&trades, &quotes].map(|path| path.to_str().unwrap());
    let arguments = ["replay", trades, "--source", "trades", "--quotes", quotes, "--out", "out"];
    run_well(folder.path(), &arguments);
    let trader = json!("5xBKtJic9eJsMwPx4dUFRekWDfjdCCZThKVq26r7vent");
    let row = only(folder.path(), "wallet_stats", &[("trader", &trader), ("period", &json!("all"))]);
    let expected = [
        ("closed", json!(2)),
        ("closed_sol", json!(1)),
        ("wins_sol", json!(1)),
        ("losses_sol", json!(0)),
        ("realised_sol", json!("1000000000")),
        ("profit_factor_sol", Value::Null),
        ("roi_sol", json!(1.0)),
        ("no_loss_sol", json!(true)),
        ("closed_usd", json!(2)),
        ("wins_usd", json!(1)),
        ("losses_usd", json!(1)),
        ("realised_usd", json!(-450.0)),
        ("profit_factor_usd", json!(0.25)),
        ("no_loss_usd", json!(false)),
        ("positions_left_out_sol", json!(1)),
        ("positions_left_out_usd", json!(0)),
    ];
    assert_columns(&row, &expected);
}

#[test]
fn a_transfer_fee_of_the_token_is_neither_profit_nor_a_transfer() {
    for percent in ["0", "10"] {
        let Some(transactions) = shared(&format!("faults/03-transfer-fee-{percent}.jsonl")) else {
            println!("skipped: ../shared/data/faults is not there");
            return;
        };
        let folder = tempfile::tempdir().unwrap();
        run_well(folder.path(), &["replay", transactions.to_str().unwrap(), "--out", "out"]);
        let trader = json!("HGvWwk2to7MrrSsihsHh6vRTaFVUYq8Y1JcyXU1rdqNw");
        let position = only(folder.path(), "wallet_positions", &[("trader", &trader)]);
        // Bought, all sold for the same, and bought again: what the token kept of the transfers is no loss.
        let quantity = if percent == "0" { "10000000000" } else { "9000000000" };
        let expected = [
            ("quantity", json!(quantity)),
            ("cost_quote", json!("1000000000")),
            ("unmatched", json!("0")),
            ("unmatched_in", json!("0")),
            ("moved_out", json!("0")),
            ("buys", json!(2)),
            ("sells", json!(1)),
        ];
        assert_columns(&position, &expected);
        assert_eq!(position["realised_quote"], json!("0"), "{percent} %");
        let row = only(folder.path(), "wallet_stats", &[("trader", &trader), ("period", &json!("all"))]);
        let expected = [
            ("closed_sol", json!(1)),
            ("wins_sol", json!(0)),
            ("losses_sol", json!(0)),
            ("realised_sol", json!("0")),
        ];
        assert_columns(&row, &expected);
    }
}
