//! A node's RPC on loopback over blocks of the simulated market, no kinder than a real one: other programs'
//! transactions stand between those of known ones, slots are skipped, and answers go wrong as a script says.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::Address;
use serde_json::{Value, json};
use sources::simulate::{Item, Market, Params, json::write_item};

/// An answer that is given once instead of the right one.
#[derive(Clone, Debug)]
pub(crate) enum Wrong {
    /// A JSON-RPC error.
    Code(i64),
    /// `result: null`.
    Null,
    /// A status, with `Retry-After` in seconds.
    Status(u16, Option<u64>),
    /// A block with another hash than the chain has.
    Hash,
    /// A connection that is closed without an answer.
    Cut,
}

/// The chain that nodes answer from.
pub(crate) struct Chain {
    /// The block of each slot that has one, as `getBlock` answers it.
    pub(crate) blocks: BTreeMap<u64, Value>,
    /// The transactions of known programs, a line each, as `getTransaction` prints them.
    pub(crate) recording: String,
}

impl Chain {
    /// Some seconds of the simulated market, without forks.
    pub(crate) fn new(seconds: u64) -> Self {
        let params = Params {
            seed: 9,
            seconds: Some(seconds),
            skip_probability: 0.1,
            fork_probability: 0.0,
            duplicate_ratio: 0.0,
            late_ratio: 0.0,
            ..Params::default().with_trades_per_second(20.0)
        };
        let mut market = Market::new(&params).unwrap();
        let (mut items, mut by_slot) = (Vec::new(), BTreeMap::<u64, Vec<Value>>::new());
        let (mut recording, mut more) = (Vec::new(), true);
        while more {
            more = market.next_slot(&mut items);
            for item in items.drain(..) {
                if let Item::Transaction(_) = &item {
                    let mut line = Vec::new();
                    write_item(&item, &mut line).unwrap();
                    let tx: Value = serde_json::from_slice(&line).unwrap();
                    by_slot.entry(tx["slot"].as_u64().unwrap()).or_default().push(tx);
                    recording.extend(line);
                }
            }
        }
        let (mut blocks, mut parent) = (BTreeMap::new(), by_slot.keys().next().unwrap() - 1);
        for (slot, transactions) in by_slot {
            blocks.insert(slot, block(slot, parent, &transactions));
            parent = slot;
        }
        Self { blocks, recording: String::from_utf8(recording).unwrap() }
    }

    /// The first and the last slot that have a block.
    pub(crate) fn ends(&self) -> (u64, u64) {
        (*self.blocks.keys().next().unwrap(), *self.blocks.keys().next_back().unwrap())
    }
}

fn hash(slot: u64) -> String {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&slot.to_le_bytes());
    Address(bytes).to_string()
}

fn block(slot: u64, parent: u64, transactions: &[Value]) -> Value {
    let index = |tx: &Value| usize::try_from(tx["transactionIndex"].as_u64().unwrap()).unwrap();
    let last = transactions.iter().map(index).max().unwrap();
    let mut entries: Vec<Value> = (0..last + 3).map(|_| vote()).collect();
    for tx in transactions {
        entries[index(tx)] =
            json!({"transaction": tx["transaction"], "meta": tx["meta"], "version": tx["version"]});
    }
    json!({
        "blockhash": hash(slot), "previousBlockhash": hash(parent), "parentSlot": parent, "blockHeight": slot,
        "blockTime": transactions[0]["blockTime"], "transactions": entries,
    })
}

/// A vote, as most transactions of a block are.
fn vote() -> Value {
    let mut bytes = vec![1];
    bytes.extend([3; 64]);
    bytes.extend([1, 0, 1, 2]);
    bytes.extend([4; 32]);
    bytes.extend("Vote111111111111111111111111111111111111111".parse::<Address>().unwrap().0);
    bytes.extend([9; 32]);
    bytes.extend([1, 1, 0, 0]);
    json!({
        "transaction": [STANDARD.encode(bytes), "base64"],
        "meta": {"err": null, "fee": 5000, "logMessages": [], "innerInstructions": [], "preBalances": [1, 1],
            "postBalances": [1, 1], "preTokenBalances": [], "postTokenBalances": []},
        "version": "legacy",
    })
}

/// Wrong answers by slot, in turn.
pub(crate) type Script = BTreeMap<u64, VecDeque<Wrong>>;

/// A node that answers until it is dropped with the test.
pub(crate) struct Node {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

struct State {
    chain: Arc<Chain>,
    script: Script,
    /// When each request came, and for which slot.
    asked: Vec<(Instant, u64)>,
}

impl Node {
    pub(crate) fn start(chain: &Arc<Chain>, script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/secret-key", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State { chain: Arc::clone(chain), script, asked: Vec::new() }));
        let shared = Arc::clone(&state);
        let serve = move || {
            for stream in listener.incoming() {
                let (Ok(stream), state) = (stream, Arc::clone(&shared)) else { continue };
                let name = "node connection".to_owned();
                std::thread::Builder::new().name(name).spawn(move || connection(stream, &state)).unwrap();
            }
        };
        std::thread::Builder::new().name("node".to_owned()).spawn(serve).unwrap();
        Self { url, state }
    }

    /// When each request came, and for which slot.
    pub(crate) fn asked(&self) -> Vec<(Instant, u64)> {
        self.state.lock().unwrap().asked.clone()
    }

    /// The greatest number of requests that came within one second.
    pub(crate) fn most_in_a_second(&self) -> usize {
        let asked = self.asked();
        let within = |at: &(Instant, u64)| {
            asked.iter().filter(|(other, _)| *other >= at.0 && *other - at.0 < Duration::from_secs(1)).count()
        };
        asked.iter().map(within).max().unwrap_or(0)
    }
}

fn connection(stream: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    loop {
        let (mut length, mut line) = (0, String::new());
        loop {
            line.clear();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let Some(answer) = answer(&serde_json::from_slice(&body).unwrap(), state) else { return };
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn answer(request: &Value, state: &Mutex<State>) -> Option<String> {
    let mut state = state.lock().unwrap();
    let result = |value: Value| http(200, None, &json!({"jsonrpc": "2.0", "id": 1, "result": value}));
    let error = |code: i64| {
        let error = json!({"code": code, "message": "as the script says"});
        http(200, None, &json!({"jsonrpc": "2.0", "id": 1, "error": error}))
    };
    let slot = request["params"][0].as_u64();
    match (request["method"].as_str().unwrap(), slot) {
        ("getSlot", _) => Some(result(state.chain.ends().1.into())),
        ("getBlockTime", Some(slot)) => {
            let block = state.chain.blocks.get(&slot);
            Some(block.map_or_else(|| error(-32_009), |block| result(block["blockTime"].clone())))
        }
        ("getBlock", Some(slot)) => {
            assert_eq!(request["params"][1]["maxSupportedTransactionVersion"], 1);
            state.asked.push((Instant::now(), slot));
            let wrong = state.script.get_mut(&slot).and_then(VecDeque::pop_front);
            let block = state.chain.blocks.get(&slot).cloned();
            match (wrong, block) {
                (Some(Wrong::Code(code)), _) => Some(error(code)),
                (Some(Wrong::Null), _) => Some(result(Value::Null)),
                (Some(Wrong::Status(status, retry)), _) => Some(http(status, retry, &json!({}))),
                (Some(Wrong::Cut), _) => None,
                (Some(Wrong::Hash), Some(mut block)) => {
                    block["blockhash"] = hash(slot + 1_000_000).into();
                    Some(result(block))
                }
                (_, Some(block)) => Some(result(block)),
                (_, None) => Some(error(-32_007)),
            }
        }
        other => panic!("no such method: {other:?}"),
    }
}

fn http(status: u16, retry_after: Option<u64>, body: &Value) -> String {
    let body = body.to_string();
    let retry = retry_after.map_or(String::new(), |seconds| format!("retry-after: {seconds}\r\n"));
    format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{retry}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}
