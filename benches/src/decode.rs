//! Transactions to events.

use std::hint::black_box;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sources::decoder::Decoder;
use sources::formats;
use sources::simulate::{Item, json};
use sources::transaction::Transaction;

use crate::report::Line;
use crate::workload;

/// Measures decoding from memory and from JSON.
pub(crate) fn run(quick: bool) -> anyhow::Result<Vec<Line>> {
    let transactions = workload::transactions(if quick { 20_000 } else { 200_000 })?;
    let items = (transactions.len() as u64, "tx");
    let mut lines = Vec::new();

    let started = Instant::now();
    let found: usize = transactions.iter().map(payloads).sum();
    let bare = Line::new("bare loop: base64 of the event logs", items, started.elapsed(), found as u64);

    let started = Instant::now();
    let events = decode(&transactions);
    lines.push(Line::new("decode, one thread", items, started.elapsed(), events).next_to(&bare));

    let mut text = Vec::new();
    for tx in &transactions {
        json::write_item(&Item::Transaction(tx.clone()), &mut text)?;
    }
    let started = Instant::now();
    let mut decoder = Decoder::new("bench");
    let (mut out, mut events) = (Vec::new(), 0);
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        for item in formats::parse(&serde_json::from_slice(line)?)?.items {
            if let formats::Feed::Transaction(tx) = item? {
                decoder.events(&tx, "bench", &mut out);
            }
        }
        events += out.drain(..).count() as u64;
    }
    lines.push(Line::new("decode from getTransaction JSON", items, started.elapsed(), events).next_to(&bare));
    lines.insert(0, bare);
    Ok(lines)
}

fn decode(transactions: &[Transaction]) -> u64 {
    let mut decoder = Decoder::new("bench");
    let (mut out, mut events) = (Vec::new(), 0);
    for tx in transactions {
        decoder.events(tx, "bench", &mut out);
        events += black_box(&mut out).drain(..).count() as u64;
    }
    events
}

/// The least that anyone who reads the events must do: find the log lines and decode their base64.
fn payloads(tx: &Transaction) -> usize {
    let logs = tx.logs.iter().flatten().filter_map(|line| line.strip_prefix("Program data: "));
    logs.filter_map(|data| STANDARD.decode(data).ok()).map(black_box).count()
}
