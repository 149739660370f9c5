//! `millrace backfill` against a node on loopback, and a replay of what it wrote.

use std::sync::Arc;

use serde_json::Value;

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
fn r39_an_audit_finds_what_was_removed_added_and_moved_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let chain = Arc::new(Chain::new(4));
    let node = Node::start(&chain, Script::new());
    let (first, last) = chain.ends();
    let slots = format!("{first}..{last}");
    let audit = ["audit", "--slots", &slots, "--rpc", &node.url, "--requests-per-s", "5000", "held.jsonl"];
    let held = folder.path().join("held.jsonl");
    std::fs::write(&held, &chain.recording).unwrap();
    let same = run_well(folder.path(), &audit);
    assert!(stderr(&same).contains("missing: 0 (0.00 %)"), "{}", stderr(&same));

    let mut lines: Vec<Value> =
        chain.recording.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.retain(|tx| tx["meta"]["err"].is_null());
    let signature = |tx: &Value| tx["transaction"]["signatures"][0].as_str().unwrap().to_owned();
    let removed = signature(&lines.remove(2));
    lines[4]["transactionIndex"] = (lines[4]["transactionIndex"].as_u64().unwrap() + 1).into();
    let moved = signature(&lines[4]);
    lines[6]["blockTime"] = (lines[6]["blockTime"].as_u64().unwrap() + 1).into();
    let retimed = signature(&lines[6]);
    let mut added = lines[8].clone();
    added["transaction"]["signatures"][0] = model::Signature([5; 64]).to_string().into();
    lines.push(added);
    let text: Vec<String> = lines.iter().map(Value::to_string).collect();
    std::fs::write(&held, text.join("\n")).unwrap();
    let output = run(folder.path(), &audit);
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    for (kind, signature) in [
        ("missing: 1 ", removed),
        ("extra: 1 ", model::Signature([5; 64]).to_string()),
        ("at another index: 1 ", moved),
        ("at another time: 1 ", retimed),
    ] {
        let line = stderr(&output).lines().find(|line| line.starts_with(kind)).map(str::to_owned);
        assert!(
            line.is_some_and(|line| line.ends_with(&signature)),
            "{kind}{signature}: {}",
            stderr(&output)
        );
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
