//! Ranges of slots out of nodes that err, against the recording that their blocks were made of.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod node;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use model::{ChainEvent, Event};
use node::{Chain, Node, Script, Wrong};
use sources::archive::Archive;
use sources::backfill::{Range, fetch, since};
use sources::rpc::{Endpoint, Fetched, Rpc, RpcError};
use sources::transactions::{Config, Transactions};
use sources::{Source as _, Step};

const FAST: f64 = 10_000.0;

fn rpc(nodes: &[&Node], requests_per_s: f64) -> Rpc {
    let endpoint = |(at, node): (usize, &&Node)| Endpoint {
        name: format!("node {}", at + 1),
        url: node.url.clone(),
        requests_per_s,
        burst: 4,
        timeout: Duration::from_secs(10),
    };
    let endpoints = nodes.iter().enumerate().map(endpoint).collect();
    Rpc::new(endpoints).with_patience(Duration::from_millis(5), Duration::from_secs(20))
}

fn whole(rpc: &Rpc, chain: &Chain) -> Result<Range, RpcError> {
    let (first, last) = chain.ends();
    fetch(rpc, &(first..=last), &AtomicBool::new(false), &AtomicU64::new(0))
}

fn script(wrong: &[(u64, &[Wrong])]) -> Script {
    wrong.iter().map(|(slot, wrong)| (*slot, wrong.iter().cloned().collect())).collect()
}

/// The events of files, without what is said of slots.
fn events(path: &Path) -> BTreeSet<ChainEvent> {
    let mut source = Transactions::new(&Config { paths: vec![path.to_owned()], ..Config::default() });
    let (mut events, mut step) = (Vec::new(), Step::More);
    while step == Step::More {
        step = source.read(&mut events).unwrap();
    }
    let chain = events.into_iter().filter_map(|event| match event {
        Event::Chain(event) => Some(event),
        Event::Reject(reject) => panic!("{reject:?}"),
        _ => None,
    });
    chain.collect()
}

fn assert_equals_the_recording(range: &Range, chain: &Chain) {
    assert_eq!(range.open, BTreeMap::new());
    let (first, last) = chain.ends();
    assert_eq!(range.blocks.keys().collect::<Vec<_>>(), chain.blocks.keys().collect::<Vec<_>>());
    assert_eq!(range.empty, last - first + 1 - chain.blocks.len() as u64);
    assert!(range.empty > 0, "the simulated chain skips slots");
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("recording.jsonl");
    std::fs::write(&recording, &chain.recording).unwrap();
    let raw = folder.path().join("raw");
    let blocks = range.blocks.values().map(|block| &block.lines[..]);
    Archive::new(&raw).write(&(first..=last), blocks).unwrap();
    let expected = events(&recording);
    assert!(expected.len() > 50, "{} events", expected.len());
    assert_eq!(events(&raw), expected);
}

#[test]
fn r26_what_was_fetched_gives_the_events_of_the_recording() {
    let chain = Arc::new(Chain::new(8));
    let node = Node::start(&chain, Script::new());
    assert_equals_the_recording(&whole(&rpc(&[&node], FAST), &chain).unwrap(), &chain);
}

#[test]
fn r21_an_error_is_no_proof_and_the_block_that_a_link_names_is_fetched_in_the_end() {
    let chain = Arc::new(Chain::new(8));
    let slots: Vec<u64> = chain.blocks.keys().copied().collect();
    let wrong = script(&[
        (slots[2], &[Wrong::Code(-32_007)]),
        (slots[3], &[Wrong::Code(-32_004), Wrong::Code(-32_004)]),
        (slots[4], &[Wrong::Null]),
        (slots[5], &[Wrong::Status(502, None), Wrong::Cut]),
        (slots[6], &[Wrong::Code(-32_603)]),
    ]);
    let node = Node::start(&chain, wrong);
    assert_equals_the_recording(&whole(&rpc(&[&node], FAST), &chain).unwrap(), &chain);
}

#[test]
fn r21_a_block_that_no_endpoint_gives_is_named_and_nothing_around_it_is_taken_for_proven() {
    let chain = Arc::new(Chain::new(8));
    let slots: Vec<u64> = chain.blocks.keys().copied().collect();
    let missing = slots[4];
    let wrong = vec![Wrong::Code(-32_007); 20];
    let node = Node::start(&chain, script(&[(missing, &wrong)]));
    let range = whole(&rpc(&[&node], FAST), &chain).unwrap();
    assert!(range.open[&missing].contains("which no endpoint gave"), "{:?}", range.open);
    assert!(range.open.keys().all(|slot| *slot > slots[3] && *slot <= missing), "{:?}", range.open);
    assert_eq!(range.blocks.len(), chain.blocks.len() - 1);
}

#[test]
fn r22_the_end_of_a_range_is_proven_by_the_next_block_and_left_open_without_one() {
    let chain = Arc::new(Chain::new(20));
    let slots: Vec<u64> = chain.blocks.keys().copied().collect();
    let gap = slots.windows(2).find(|pair| pair[1] > pair[0] + 1).expect("a skipped slot");
    let node = Node::start(&chain, Script::new());
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    let range = fetch(&rpc(&[&node], FAST), &(gap[0]..=gap[1] - 1), &stop, &done).unwrap();
    assert_eq!((range.empty, range.blocks.len(), range.open.len()), (gap[1] - gap[0] - 1, 1, 0));
    let (_, last) = chain.ends();
    let range = fetch(&rpc(&[&node], FAST), &(last..=last + 1), &stop, &done).unwrap();
    assert_eq!(range.open.keys().collect::<Vec<_>>(), [&(last + 1)]);
}

#[test]
fn r23_a_limit_is_obeyed_and_the_budget_kept() {
    let chain = Arc::new(Chain::new(4));
    let slots: Vec<u64> = chain.blocks.keys().copied().collect();
    let node = Node::start(&chain, script(&[(slots[1], &[Wrong::Status(429, Some(1))])]));
    assert_equals_the_recording(&whole(&rpc(&[&node], 20.0), &chain).unwrap(), &chain);
    assert!(node.most_in_a_second() <= 24, "{} in a second", node.most_in_a_second());
    let asked = node.asked();
    let limited = asked.iter().position(|(_, slot)| *slot == slots[1]).unwrap();
    let again = asked.iter().skip(limited + 1).find(|(_, slot)| *slot == slots[1]).unwrap().0;
    assert!(again - asked[limited].0 >= Duration::from_millis(990), "Retry-After was one second");
}

#[test]
fn r23_another_endpoint_is_asked_while_one_is_paused_or_out() {
    let chain = Arc::new(Chain::new(4));
    let slots: Vec<u64> = chain.blocks.keys().copied().collect();
    let paused = Node::start(&chain, script(&[(slots[0], &[Wrong::Status(429, Some(600))])]));
    let refusing: Script = slots.iter().map(|slot| (*slot, [Wrong::Status(401, None)].into())).collect();
    let (out, good) = (Node::start(&chain, refusing), Node::start(&chain, Script::new()));
    let rpc = rpc(&[&paused, &out, &good], FAST);
    // The pause of ten minutes is longer than the patience of 20 s: whoever waited for it would give up. Slots
    // without a block are among those that are asked for after it has begun.
    assert_equals_the_recording(&whole(&rpc, &chain).unwrap(), &chain);
    assert_eq!(rpc.block(slots[0] - 1, None, &AtomicBool::new(false)), Ok(Fetched::Absent));
    assert_eq!(rpc.out(), [("node 2".to_owned(), "HTTP status 401".to_owned())]);
}

#[test]
fn r25_of_two_endpoints_that_disagree_the_one_whose_hash_the_chain_links_to_counts() {
    let chain = Arc::new(Chain::new(8));
    let slots: Vec<u64> = chain.blocks.keys().copied().collect();
    let lying = script(&[(slots[3], &[Wrong::Hash]), (slots[5], &[Wrong::Hash])]);
    let (liar, honest) = (Node::start(&chain, lying), Node::start(&chain, Script::new()));
    let range = whole(&rpc(&[&liar, &honest], FAST), &chain).unwrap();
    assert_equals_the_recording(&range, &chain);
}

#[test]
fn r37_no_error_tells_a_url() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/secret-key", listener.local_addr().unwrap());
    drop(listener);
    let endpoint = Endpoint {
        name: "node 1".to_owned(),
        url,
        requests_per_s: FAST,
        burst: 4,
        timeout: Duration::from_secs(1),
    };
    assert!(!format!("{endpoint:?}").contains("secret"));
    let rpc = Rpc::new(vec![endpoint]).with_patience(Duration::from_millis(5), Duration::from_millis(50));
    let error = rpc.newest_slot(&AtomicBool::new(false)).unwrap_err().to_string();
    assert!(error.contains("node 1") && !error.contains("secret"), "{error}");
}

#[test]
fn an_age_is_found_by_the_times_of_the_chain() {
    let chain = Arc::new(Chain::new(20));
    let node = Node::start(&chain, Script::new());
    let (first, last) = chain.ends();
    let time = |slot: u64| chain.blocks.range(slot..).next().unwrap().1["blockTime"].as_u64().unwrap();
    let found = since(&rpc(&[&node], FAST), last, 5, &AtomicBool::new(false)).unwrap();
    assert!(found > first && time(found) >= time(last) - 5, "{first} {found} {last}");
    assert!(time(found - 1) < time(last) - 5 || !chain.blocks.contains_key(&(found - 1)));
}
