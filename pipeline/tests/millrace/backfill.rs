//! `millrace backfill` against a node on loopback, and a replay of what it wrote.

use std::sync::Arc;

use crate::common::{run, run_well, stderr, stdout};
use crate::node::{Chain, Node, Script, Wrong};

#[test]
fn r26_a_replay_of_what_was_fetched_equals_one_of_the_recording() {
    let folder = tempfile::tempdir().unwrap();
    let chain = Arc::new(Chain::new(8));
    let node = Node::start(&chain, Script::new());
    let (first, last) = chain.ends();
    let slots = format!("{first}..{last}");
    let fetch = [
        "backfill",
        "--slots",
        &slots,
        "--rpc",
        &node.url,
        "--requests-per-s",
        "5000",
        "--burst",
        "100",
        "--out",
        "raw",
    ];
    let output = run_well(folder.path(), &fetch);
    assert!(stderr(&output).contains("0 left out"), "{}", stderr(&output));
    assert!(!(stderr(&output) + &stdout(&output)).contains("secret"));

    let asked = node.asked().len();
    let again = run_well(folder.path(), &fetch);
    assert_eq!(node.asked().len(), asked, "what is in place is not fetched again: {}", stderr(&again));

    std::fs::write(folder.path().join("recording.jsonl"), &chain.recording).unwrap();
    run_well(folder.path(), &["replay", "raw", "--out", "fetched"]);
    run_well(folder.path(), &["replay", "recording.jsonl", "--out", "recorded"]);
    for record in ["trades", "candles", "lifecycle", "holders", "wallet_positions"] {
        let file = |of: &str| std::fs::read(folder.path().join(of).join(format!("{record}.jsonl"))).unwrap();
        assert!(!file("recorded").is_empty(), "{record}");
        assert_eq!(file("fetched"), file("recorded"), "{record}");
    }
}

#[test]
fn a_range_with_a_block_that_no_node_has_is_left_out_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let chain = Arc::new(Chain::new(4));
    let (first, last) = chain.ends();
    let missing = *chain.blocks.keys().nth(3).unwrap();
    let script: Script = [(missing, vec![Wrong::Code(-32_007); 100].into())].into();
    let node = Node::start(&chain, script);
    let slots = format!("{first}..{last}");
    let output = run(
        folder.path(),
        &["backfill", "--slots", &slots, "--rpc", &node.url, "--requests-per-s", "5000", "--out", "raw"],
    );
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).contains(&format!("slot {missing}: slot")), "{}", stderr(&output));
    assert!(!folder.path().join("raw").exists());
}
