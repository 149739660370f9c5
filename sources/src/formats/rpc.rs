//! What a node's RPC answers: `getTransaction` and `getBlock`, and a block as `blockSubscribe` pushes it.
//!
//! The transaction itself comes as `json`, `jsonParsed` (instructions of well-known programs are spelled
//! out, all others keep their data), or as `base64` or `base58` of its binary form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Address, Millis, Seconds, Signature};

use super::json::Json;
use super::node::Node;
use super::parsed::token_instruction;
use super::{Feed, FormatError, wire};
use crate::base58;
use crate::transaction::{InnerInstructions, Instruction, TokenBalance, Transaction};

type Items = Vec<Result<Feed, FormatError>>;

/// Reads an answer, in its JSON-RPC envelope or without.
pub(super) fn answer(root: &Node<'_>) -> Result<Items, FormatError> {
    if let Some(error) = root.optional("error") {
        return Err(error.error(format!("the node answered with an error: {}", error.value())));
    }
    if root.has("jsonrpc") {
        let params = root.field("params");
        let result = if root.has("params") { params.field("result") } else { root.field("result") };
        if result.value().is_null() {
            return Err(result.error("is null: the node does not have this transaction or block"));
        }
        return value(&result);
    }
    value(root)
}

fn value(node: &Node<'_>) -> Result<Items, FormatError> {
    // A notification wraps the block twice, and has its slot outside.
    if let Some(inner) = node.optional("value") {
        let block = inner.field("block");
        if block.value().is_object() {
            let slot = inner.optional_number("slot")?;
            return block_transactions(&block, slot);
        }
    }
    if node.has("transactions") {
        return block_transactions(node, None);
    }
    if node.has("transaction") {
        return Ok(vec![transaction(node, &Surroundings::default()).map(Feed::Transaction)]);
    }
    if node.has("signatures") && node.has("blockhash") {
        return Err(node.error("is a block without transactions: ask for it with transactionDetails `full`"));
    }
    Err(node.error("is neither a transaction, a block nor a Yellowstone update"))
}

/// What a block tells of its transactions.
#[derive(Clone, Copy, Default)]
struct Surroundings {
    slot: Option<u64>,
    block_time: Option<Seconds>,
    index: Option<u32>,
}

fn block_transactions(block: &Node<'_>, slot: Option<u64>) -> Result<Items, FormatError> {
    // An answer of getBlock does not repeat the slot that was asked for; recorders add it.
    let slot = slot.or(block.optional_number("slot")?);
    let block_time = block.optional_number("blockTime")?;
    let transactions = block.field("transactions");
    let of = |(index, node): (usize, Node<'_>)| {
        let surroundings = Surroundings { slot, block_time, index: u32::try_from(index).ok() };
        transaction(&node, &surroundings).map(Feed::Transaction)
    };
    Ok(transactions.items()?.enumerate().map(of).collect())
}

fn transaction(node: &Node<'_>, around: &Surroundings) -> Result<Transaction, FormatError> {
    check_version(&node.field("version"))?;
    let body = node.field("transaction");
    let Some(meta) = node.optional("meta") else {
        return Err(node
            .field("meta")
            .error("is missing: without it nothing tells what the transaction did"));
    };
    let mut tx = signed(&body, node)?;
    if let Some(loaded) = meta.optional("loadedAddresses") {
        // `jsonParsed` lists them among the keys already, in the same order.
        if !is_parsed(&body) {
            for kind in ["writable", "readonly"] {
                tx.keys.extend(loaded.list(kind, key)?);
            }
        }
    }
    tx.slot = around.slot.or(node.optional_number("slot")?);
    tx.block_time = around.block_time.or(node.optional_number("blockTime")?);
    tx.index = around.index.or(node.optional_number("transactionIndex")?);
    tx.received_at = node.optional_number::<Millis>("receivedAt")?;
    let error = meta.field("err");
    tx.error = (!error.value().is_null()).then(|| error.value().to_string());
    tx.logs = meta.optional_list("logMessages", |line| line.text().map(str::to_owned))?;
    let keys = std::mem::take(&mut tx.keys);
    tx.inner = meta.optional_list("innerInstructions", |group| {
        Ok(InnerInstructions {
            outer: group.field("index").number()?,
            instructions: group.list("instructions", |ix| instruction(ix, &keys))?,
        })
    })?;
    tx.keys = keys;
    tx.pre_token_balances = meta.list("preTokenBalances", token_balance)?;
    tx.post_token_balances = meta.list("postTokenBalances", token_balance)?;
    tx.pre_balances = meta.list("preBalances", lamports)?;
    tx.post_balances = meta.list("postBalances", lamports)?;
    tx.fee = meta.optional_number("fee")?;
    tx.compute_units = meta.optional_number("computeUnitsConsumed")?;
    Ok(tx)
}

/// Versions other than these have messages of an unknown form.
fn check_version(version: &Node<'_>) -> Result<(), FormatError> {
    match version.value() {
        Json::Null => Ok(()),
        Json::Text(text) if text == "legacy" => Ok(()),
        Json::Number(number) if number.as_u64() == Some(0) => Ok(()),
        other => Err(version.error(format!("transaction version {other} is not known; legacy and 0 are"))),
    }
}

/// The message with its signature, in whichever encoding.
fn signed(body: &Node<'_>, node: &Node<'_>) -> Result<Transaction, FormatError> {
    let (text, encoding) = match body.value() {
        Json::Object(_) => return message(body, node),
        Json::Text(text) => (&**text, "base58"),
        Json::Array(pair) => match &pair[..] {
            [Json::Text(text), Json::Text(encoding)] => (&**text, &**encoding),
            _ => return Err(body.error("should be a pair of encoded bytes and the name of their encoding")),
        },
        _ => return Err(body.wrong("a transaction")),
    };
    let bytes = match encoding {
        "base64" => STANDARD.decode(text).map_err(|error| body.error(format!("is no base64: {error}")))?,
        "base58" => base58::decode(text).map_err(|error| body.error(format!("is no base58: {error}")))?,
        other => return Err(body.error(format!("encoding `{other}` is not known; base64 and base58 are"))),
    };
    let signed = wire::transaction(&bytes).map_err(|error| body.error(error.to_string()))?;
    let mut tx = Transaction::new(signed.signature);
    (tx.signers, tx.keys, tx.instructions) = (signed.signers, signed.keys, signed.instructions);
    Ok(tx)
}

fn is_parsed(body: &Node<'_>) -> bool {
    let message = body.field("message");
    message.field("accountKeys").value().as_array().and_then(<[_]>::first).is_some_and(Json::is_object)
}

/// A message that is spelled out as JSON, parsed or not.
fn message(body: &Node<'_>, node: &Node<'_>) -> Result<Transaction, FormatError> {
    let signatures = body.field("signatures");
    let first = signatures.items().ok().and_then(|mut all| all.next().map(|first| first.parsed()));
    let signature: Signature = first.unwrap_or_else(|| node.field("signature").parsed())?;
    let message = body.field("message");
    let mut tx = Transaction::new(signature);
    if is_parsed(body) {
        let keys = message.list("accountKeys", |key| {
            let signer = key.field("signer").value().as_bool().unwrap_or(false);
            Ok((key.field("pubkey").parsed::<Address>()?, signer))
        })?;
        tx.signers = keys.iter().take_while(|(_, signer)| *signer).count();
        tx.keys = keys.into_iter().map(|(key, _)| key).collect();
    } else {
        tx.signers = message.field("header").field("numRequiredSignatures").number()?;
        tx.keys = message.list("accountKeys", key)?;
    }
    let keys = std::mem::take(&mut tx.keys);
    tx.instructions = message.list("instructions", |ix| instruction(ix, &keys))?;
    tx.keys = keys;
    Ok(tx)
}

/// An instruction: compiled (indexes), or partly or wholly parsed (addresses).
fn instruction(node: &Node<'_>, keys: &[Address]) -> Result<Instruction, FormatError> {
    let program = match node.optional("programIdIndex") {
        Some(index) => index.number()?,
        None => key_index(&node.field("programId"), keys)?,
    };
    let account = |account: &Node<'_>| {
        if account.value().as_str().is_some() { key_index(account, keys) } else { account.number() }
    };
    // A wholly parsed instruction has neither accounts nor data: it is of a program that the node knows.
    if node.has("parsed")
        && let Some((accounts, data)) = token_instruction(node, keys.get(usize::from(program)), keys)
    {
        return Ok(Instruction {
            program,
            accounts,
            data,
            stack_height: node.optional_number("stackHeight")?,
        });
    }
    let accounts = node.list("accounts", account)?;
    let data = match node.optional("data") {
        Some(data) => {
            let text = data.text()?;
            base58::decode(text).map_err(|error| data.error(format!("is no base58: {error}")))?
        }
        None => Vec::new(),
    };
    Ok(Instruction { program, accounts, data, stack_height: node.optional_number("stackHeight")? })
}

pub(super) fn key_index(node: &Node<'_>, keys: &[Address]) -> Result<u16, FormatError> {
    let address: Address = node.parsed()?;
    let index = keys.iter().position(|key| *key == address);
    index
        .and_then(|index| u16::try_from(index).ok())
        .ok_or_else(|| node.error(format!("{address} is not among the account keys")))
}

fn key(node: &Node<'_>) -> Result<Address, FormatError> {
    node.parsed()
}

/// The lamports of an account.
pub(super) fn lamports(node: &Node<'_>) -> Result<u64, FormatError> {
    node.number()
}

fn token_balance(node: &Node<'_>) -> Result<TokenBalance, FormatError> {
    token_balance_of(node.field("accountIndex").number()?, node)
}

/// The balance of a token account, spelled by RPC and Yellowstone alike but for the account.
pub(super) fn token_balance_of(account: u16, node: &Node<'_>) -> Result<TokenBalance, FormatError> {
    let amount = node.field("uiTokenAmount");
    let owner = node.optional("owner").filter(|owner| owner.value().as_str() != Some(""));
    Ok(TokenBalance {
        account,
        mint: node.field("mint").parsed()?,
        owner: owner.map(|owner| owner.parsed()).transpose()?,
        amount: amount.field("amount").number()?,
        // Protobuf leaves out a zero.
        decimals: amount.optional_number("decimals")?.unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize as _;
    use serde_json::{Value, json};

    use super::super::parse;
    use super::*;

    const KEY: &str = "So11111111111111111111111111111111111111112";
    const PROGRAM: &str = "6EF8rrecthR5Dkzon8Nwu78hRvfCKubJ14M5uBEwF6P";

    fn signature() -> String {
        Signature([7; 64]).to_string()
    }

    /// The same transaction in one of the encodings.
    fn encoded(encoding: &str) -> Value {
        let mut bytes = vec![1];
        bytes.extend([7; 64]);
        bytes.extend([1, 0, 1, 2]);
        bytes.extend(KEY.parse::<Address>().unwrap().0);
        bytes.extend(PROGRAM.parse::<Address>().unwrap().0);
        bytes.extend([9; 32]);
        bytes.extend([1, 1, 1, 0, 2, b'a', b'b']);
        let data = bs58::encode(b"ab").into_string();
        match encoding {
            "base64" => json!([STANDARD.encode(bytes), "base64"]),
            "base58" => json!([bs58::encode(bytes).into_string(), "base58"]),
            "string" => json!(bs58::encode(bytes).into_string()),
            "json" => json!({"signatures": [signature()], "message": {
                "header": {"numRequiredSignatures": 1, "numReadonlySignedAccounts": 0, "numReadonlyUnsignedAccounts": 1},
                "accountKeys": [KEY, PROGRAM],
                "instructions": [{"programIdIndex": 1, "accounts": [0], "data": data, "stackHeight": 1}],
            }}),
            _ => json!({"signatures": [signature()], "message": {
                "accountKeys": [{"pubkey": KEY, "signer": true}, {"pubkey": PROGRAM, "signer": false}],
                "instructions": [{"programId": PROGRAM, "accounts": [KEY], "data": data, "stackHeight": 1}],
            }}),
        }
    }

    fn meta() -> Value {
        json!({"err": null, "fee": 7000, "logMessages": ["a"], "innerInstructions": [], "computeUnitsConsumed": 5,
            "preBalances": [1, 2], "postBalances": [1, 2], "preTokenBalances": [], "postTokenBalances": []})
    }

    fn one(value: &Value) -> Result<Transaction, FormatError> {
        match parse(&Json::deserialize(value).unwrap())?.items.remove(0)? {
            Feed::Transaction(tx) => Ok(tx),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_encoding_gives_the_same_transaction() {
        let of = |encoding| {
            one(&json!({"slot": 5, "blockTime": 9, "transaction": encoded(encoding), "meta": meta()}))
                .unwrap()
        };
        let expected = of("json");
        assert_eq!((expected.slot, expected.block_time, expected.signers), (Some(5), Some(9), 1));
        assert_eq!((expected.priority_fee(), expected.compute_units), (Some(2000), Some(5)));
        for encoding in ["base64", "base58", "string", "jsonParsed"] {
            assert_eq!(of(encoding), expected, "{encoding}");
        }
    }

    #[test]
    fn the_envelope_makes_no_difference() {
        let bare = json!({"slot": 5, "transaction": encoded("base64"), "meta": meta()});
        let wrapped = json!({"jsonrpc": "2.0", "id": 1, "result": bare});
        assert_eq!(one(&wrapped), one(&bare));
    }

    #[test]
    fn a_block_gives_its_transactions_their_place_and_time() {
        let entry = json!({"transaction": encoded("json"), "meta": meta(), "version": "legacy"});
        let broken = json!({"transaction": encoded("json"), "version": 0});
        let block = json!({"slot": 8, "blockTime": 3, "blockhash": "x", "parentSlot": 7, "transactions": [entry, broken, entry]});
        let items = parse(&Json::deserialize(&block).unwrap()).unwrap().items;
        assert_eq!(items.len(), 3);
        assert!(items[1].as_ref().unwrap_err().to_string().starts_with("transactions[1].meta: is missing"));
        let Ok(Feed::Transaction(tx)) = &items[2] else { panic!("{items:?}") };
        assert_eq!((tx.slot, tx.block_time, tx.index), (Some(8), Some(3), Some(2)));
    }

    #[test]
    fn a_pushed_block_has_its_slot_outside() {
        let block =
            json!({"blockTime": 3, "transactions": [{"transaction": encoded("json"), "meta": meta()}]});
        let push = json!({"jsonrpc": "2.0", "method": "blockNotification",
            "params": {"subscription": 1, "result": {"context": {"slot": 8}, "value": {"slot": 8, "err": null, "block": block}}}});
        assert_eq!(one(&push).unwrap().slot, Some(8));
    }

    #[test]
    fn unknown_versions_and_failures_are_told() {
        let error = one(&json!({"version": 1, "transaction": encoded("json"), "meta": meta()})).unwrap_err();
        assert_eq!(error.to_string(), "version: transaction version 1 is not known; legacy and 0 are");
        let mut meta = meta();
        meta["err"] = json!({"InstructionError": [2, {"Custom": 6001}]});
        let failed = one(&json!({"transaction": encoded("json"), "meta": meta})).unwrap();
        assert_eq!(failed.error.as_deref(), Some(r#"{"InstructionError":[2,{"Custom":6001}]}"#));
    }

    #[test]
    fn what_is_absent_stays_unknown() {
        let tx = one(&json!({"transaction": encoded("json"), "meta": {"err": null}})).unwrap();
        assert_eq!((tx.slot, tx.block_time, tx.index, tx.logs, tx.inner), (None, None, None, None, None));
    }
}
