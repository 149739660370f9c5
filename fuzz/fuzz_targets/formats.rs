//! Any JSON: transactions that decode and normalize, or an error that says where.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sources::decoder::Decoder;
use sources::formats::{Feed, parse};

fuzz_target!(|bytes: &[u8]| {
    let Ok(value) = serde_json::from_slice(bytes) else { return };
    let Ok(parsed) = parse(&value) else { return };
    let mut decoder = Decoder::new("fuzz");
    let mut events = Vec::new();
    for item in parsed.items {
        match item {
            Ok(Feed::Transaction(tx)) => decoder.events(&tx, "fuzz", &mut events),
            Ok(_) => {}
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
});
