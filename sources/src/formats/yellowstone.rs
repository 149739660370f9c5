//! What Yellowstone gRPC clients print: `SubscribeUpdate` as the TypeScript client's `JSON.stringify` and
//! the canonical JSON of Protobuf spell it.
//!
//! 64-bit numbers are strings. Bytes are `{"type":"Buffer","data":[…]}`, `{"data":[…]}`, or strings in
//! base58 or base64; within one transaction all strings are of one kind, and its signature, whose length
//! is known, tells which. A transaction that comes by itself has no block time.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Address, Millis, Seconds, Signature, SlotState, SlotStatus};

use super::json::Json;
use super::node::Node;
use super::rpc::{lamports, token_balance_of};
use super::{Feed, FormatError};
use crate::base58;
use crate::transaction::{InnerInstructions, Instruction, Transaction};

type Items = Vec<Result<Feed, FormatError>>;

/// True if the value is an update and no answer of an RPC.
pub(super) fn is_update(root: &Node<'_>) -> bool {
    if root.has("jsonrpc") || root.has("meta") {
        return false;
    }
    let object = |name: &str| root.field(name).value().is_object();
    let transaction = root.field("transaction");
    object("slot")
        || object("block")
        || block_meta(root).is_some()
        || (object("transaction") && transaction.has("transaction") && transaction.has("slot"))
        || OTHERS.iter().any(|name| object(name))
}

/// Kinds of update that say nothing of use here.
const OTHERS: [&str; 7] =
    ["account", "ping", "pong", "entry", "transactionStatus", "transaction_status", "blockMetaNone"];

fn block_meta<'a>(root: &'a Node<'_>) -> Option<Node<'a>> {
    root.optional("blockMeta").or_else(|| root.optional("block_meta"))
}

/// Reads an update.
pub(super) fn update(root: &Node<'_>) -> Items {
    let received_at = root.optional("createdAt").and_then(|node| created_at(&node));
    if let Some(transaction) = root.optional("transaction") {
        let read = || {
            let slot = transaction.field("slot").number()?;
            let mut tx = info(&transaction.field("transaction"), slot)?;
            tx.received_at = received_at;
            Ok(Feed::Transaction(tx))
        };
        return vec![read()];
    }
    if let Some(block) = root.optional("block") {
        return block_update(&block, received_at);
    }
    if let Some(block) = block_meta(root) {
        return vec![block_news(&block).map(Feed::Slot)];
    }
    if let Some(slot) = root.optional("slot") {
        return vec![slot_update(&slot)];
    }
    let kind = OTHERS.into_iter().find(|name| root.has(name)).unwrap_or("update");
    vec![Ok(Feed::Ignored(kind))]
}

fn block_update(block: &Node<'_>, received_at: Option<Millis>) -> Items {
    let news = match block_news(block) {
        Ok(news) => news,
        Err(error) => return vec![Err(error)],
    };
    let mut items = vec![Ok(Feed::Slot(news))];
    let transactions = block.field("transactions");
    if transactions.value().is_null() {
        return items;
    }
    match transactions.items() {
        Ok(list) => items.extend(list.map(|item| {
            let mut tx = info(&item, news.slot)?;
            (tx.block_time, tx.received_at) = (news.block_time, received_at);
            Ok(Feed::Transaction(tx))
        })),
        Err(error) => items.push(Err(error)),
    }
    items
}

/// A block says of its slot that it was processed, and when.
fn block_news(block: &Node<'_>) -> Result<SlotStatus, FormatError> {
    let time = block.field("blockTime");
    let block_time = if time.value().is_object() {
        time.optional_number::<Seconds>("timestamp")?
    } else {
        block.optional_number("blockTime")?
    };
    Ok(SlotStatus {
        slot: block.field("slot").number()?,
        state: SlotState::Processed,
        parent: block.optional_number("parentSlot")?,
        block_time,
    })
}

fn slot_update(slot: &Node<'_>) -> Result<Feed, FormatError> {
    let status = slot.field("status");
    let state = match status.value() {
        // Protobuf leaves out a zero, which is `processed`.
        Json::Null => SlotState::Processed,
        Json::Text(name) => match name.strip_prefix("SLOT_").unwrap_or(name) {
            "PROCESSED" => SlotState::Processed,
            "CONFIRMED" => SlotState::Confirmed,
            "FINALIZED" => SlotState::Finalized,
            "DEAD" => SlotState::Dead,
            "FIRST_SHRED_RECEIVED" | "COMPLETED" | "CREATED_BANK" => {
                return Ok(Feed::Ignored("slot_progress"));
            }
            _ => return Err(status.wrong("a slot status")),
        },
        _ => match status.number::<u64>()? {
            0 => SlotState::Processed,
            1 => SlotState::Confirmed,
            2 => SlotState::Finalized,
            3..=5 => return Ok(Feed::Ignored("slot_progress")),
            6 => SlotState::Dead,
            _ => return Err(status.wrong("a slot status")),
        },
    };
    Ok(Feed::Slot(SlotStatus {
        slot: slot.field("slot").number()?,
        state,
        parent: slot.optional_number("parent")?,
        block_time: None,
    }))
}

/// When the server made the update: `{"seconds","nanos"}`. Text is another client's and left.
fn created_at(node: &Node<'_>) -> Option<Millis> {
    let seconds: u64 = node.optional_number("seconds").ok()??;
    let nanos: u64 = node.optional_number("nanos").ok()?.unwrap_or(0);
    seconds.checked_mul(1_000)?.checked_add(nanos / 1_000_000)
}

/// How the strings of a transaction spell bytes.
#[derive(Clone, Copy)]
enum Spelling {
    Base58,
    Base64,
}

/// A transaction with its metadata (`SubscribeUpdateTransactionInfo`).
fn info(node: &Node<'_>, slot: u64) -> Result<Transaction, FormatError> {
    let body = node.field("transaction");
    let message = body.field("message");
    let (signature, spelling) = signature(&node.field("signature"))?;
    if message.value().is_null() {
        return Err(message.error("is missing"));
    }
    let mut tx = Transaction::new(signature);
    tx.slot = Some(slot);
    tx.index = node.optional_number("index")?;
    // Protobuf leaves out a zero, but no transaction has no signer.
    tx.signers = message.field("header").optional_number("numRequiredSignatures")?.unwrap_or(1);
    tx.keys = message.list("accountKeys", address)?;
    tx.instructions = message.list("instructions", |ix| instruction(ix, spelling))?;
    let Some(meta) = node.optional("meta") else {
        return Err(node
            .field("meta")
            .error("is missing: without it nothing tells what the transaction did"));
    };
    for loaded in ["loadedWritableAddresses", "loadedReadonlyAddresses"] {
        tx.keys.extend(meta.list(loaded, address)?);
    }
    tx.error = meta.optional("err").map(|error| error.value().to_string());
    let absent = |flag: &str| meta.field(flag).value().as_bool() == Some(true);
    if !absent("logMessagesNone") {
        tx.logs = Some(meta.list("logMessages", |line| line.text().map(str::to_owned))?);
    }
    if !absent("innerInstructionsNone") {
        tx.inner = Some(meta.list("innerInstructions", |group| {
            Ok(InnerInstructions {
                outer: group.optional_number("index")?.unwrap_or(0),
                instructions: group.list("instructions", |ix| instruction(ix, spelling))?,
            })
        })?);
    }
    let balance =
        |node: &Node<'_>| token_balance_of(node.optional_number("accountIndex")?.unwrap_or(0), node);
    tx.pre_token_balances = meta.list("preTokenBalances", balance)?;
    tx.post_token_balances = meta.list("postTokenBalances", balance)?;
    tx.pre_balances = meta.list("preBalances", lamports)?;
    tx.post_balances = meta.list("postBalances", lamports)?;
    tx.fee = meta.optional_number("fee")?;
    tx.compute_units = meta.optional_number("computeUnitsConsumed")?;
    Ok(tx)
}

/// A signature, and how strings are spelled where it is one: 64 bytes are base58 or base64, never both.
fn signature(node: &Node<'_>) -> Result<(Signature, Spelling), FormatError> {
    if let Json::Text(text) = node.value()
        && let Ok(signature) = text.parse()
    {
        return Ok((signature, Spelling::Base58));
    }
    let bytes = bytes(node, Spelling::Base64)?;
    let signature = bytes.try_into().map_err(|_| node.wrong("a signature of 64 bytes"))?;
    Ok((Signature(signature), Spelling::Base64))
}

fn address(node: &Node<'_>) -> Result<Address, FormatError> {
    if let Json::Text(text) = node.value()
        && let Ok(address) = text.parse()
    {
        return Ok(address);
    }
    let bytes = bytes(node, Spelling::Base64)?;
    bytes.try_into().map(Address).map_err(|_| node.wrong("an address of 32 bytes"))
}

fn instruction(node: &Node<'_>, spelling: Spelling) -> Result<Instruction, FormatError> {
    let field = |name: &str| node.optional(name).map(|node| bytes(&node, spelling)).transpose();
    Ok(Instruction {
        program: node.optional_number("programIdIndex")?.unwrap_or(0),
        accounts: field("accounts")?.unwrap_or_default().into_iter().map(u16::from).collect(),
        data: field("data")?.unwrap_or_default(),
        stack_height: node.optional_number("stackHeight")?,
    })
}

/// Bytes in any of their spellings.
fn bytes(node: &Node<'_>, spelling: Spelling) -> Result<Vec<u8>, FormatError> {
    let list = |list: &Node<'_>| list.items()?.map(|byte| byte.number::<u8>()).collect();
    match (node.value(), spelling) {
        (Json::Object(_), _) => list(&node.field("data")),
        (Json::Array(_), _) => list(node),
        (Json::Text(text), Spelling::Base58) => {
            base58::decode(text).map_err(|error| node.error(format!("is no base58: {error}")))
        }
        (Json::Text(text), Spelling::Base64) => {
            STANDARD.decode(text.as_bytes()).map_err(|error| node.error(format!("is no base64: {error}")))
        }
        _ => Err(node.wrong("bytes")),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize as _;
    use serde_json::{Value, json};

    use super::super::{Form, parse};
    use super::*;

    fn only(value: &Value) -> Result<Feed, FormatError> {
        let mut parsed = parse(&Json::deserialize(value).unwrap()).unwrap();
        assert_eq!((parsed.form, parsed.items.len()), (Form::Yellowstone, 1));
        parsed.items.remove(0)
    }

    fn transaction(bytes: impl Fn(&[u8]) -> Value) -> Value {
        json!({"filters": ["f"], "createdAt": {"seconds": "12", "nanos": 345_000_000}, "transaction": {"slot": "7",
        "transaction": {"signature": bytes(&[3; 64]), "isVote": false, "index": "2",
            "transaction": {"signatures": [bytes(&[3; 64])], "message": {
                "header": {"numRequiredSignatures": 1},
                "accountKeys": [bytes(&[1; 32]), bytes(&[2; 32])],
                "instructions": [{"programIdIndex": 1, "accounts": bytes(&[0]), "data": bytes(&[5, 6])}],
            }},
            "meta": {"fee": "5000", "preBalances": ["1"], "postBalances": ["1"], "innerInstructionsNone": true,
                "innerInstructions": [], "logMessages": ["x"], "logMessagesNone": false,
                "preTokenBalances": [{"mint": Address::WSOL.to_string(), "owner": "", "uiTokenAmount": {"amount": "4", "decimals": 9}}],
                "postTokenBalances": [], "loadedWritableAddresses": [], "loadedReadonlyAddresses": [bytes(&[9; 32])],
                "computeUnitsConsumed": "77"},
        }}})
    }

    #[test]
    fn every_spelling_of_bytes_gives_the_same_transaction() {
        let buffer = only(&transaction(|bytes| json!({"type": "Buffer", "data": bytes}))).unwrap();
        let Feed::Transaction(tx) = &buffer else { panic!("{buffer:?}") };
        assert_eq!(
            (tx.slot, tx.index, tx.block_time, tx.received_at),
            (Some(7), Some(2), None, Some(12_345))
        );
        assert_eq!(
            (tx.instructions[0].data.as_slice(), tx.instructions[0].accounts.as_slice()),
            (&[5, 6][..], &[0][..])
        );
        assert_eq!((tx.keys.len(), tx.inner.as_ref(), tx.pre_token_balances[0].owner), (3, None, None));
        assert_eq!(only(&transaction(|bytes| json!({"data": bytes}))).unwrap(), buffer);
        assert_eq!(only(&transaction(|bytes| json!(bs58::encode(bytes).into_string()))).unwrap(), buffer);
        assert_eq!(only(&transaction(|bytes| json!(STANDARD.encode(bytes)))).unwrap(), buffer);
    }

    #[test]
    fn slot_updates_have_named_or_numbered_states() {
        let state =
            |status: Value| match only(&json!({"slot": {"slot": "1", "parent": "0", "status": status}})) {
                Ok(Feed::Slot(news)) => Some((news.slot, news.parent, news.state)),
                _ => None,
            };
        assert_eq!(state(json!("SLOT_CONFIRMED")), Some((1, Some(0), SlotState::Confirmed)));
        assert_eq!(state(json!(6)), Some((1, Some(0), SlotState::Dead)));
        assert_eq!(state(json!(null)), Some((1, Some(0), SlotState::Processed)));
        assert_eq!(state(json!(3)), None);
        assert!(only(&json!({"slot": {"slot": "1", "status": "SLOT_LOST"}})).is_err());
        assert_eq!(only(&json!({"slot": {"slot": "1", "status": 5}})), Ok(Feed::Ignored("slot_progress")));
    }

    #[test]
    fn block_news_have_the_time() {
        let meta = json!({"slot": "5", "blockTime": {"timestamp": "1749038413"}, "parentSlot": "4"});
        let expected = SlotStatus {
            slot: 5,
            state: SlotState::Processed,
            parent: Some(4),
            block_time: Some(1_749_038_413),
        };
        assert_eq!(only(&json!({"blockMeta": meta})), Ok(Feed::Slot(expected)));
        assert_eq!(only(&json!({"block_meta": meta})), Ok(Feed::Slot(expected)));
    }

    #[test]
    fn other_updates_are_named_and_nothing_else() {
        assert_eq!(only(&json!({"pong": {"id": 1}})), Ok(Feed::Ignored("pong")));
    }
}
