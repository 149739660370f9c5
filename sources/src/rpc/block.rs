//! A block as `getBlock` answers it, cut down to the transactions of known programs.

use model::{Program, Seconds};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::formats::{Feed, Json, parse};
use crate::transaction::Transaction;

/// A block, and the lines of it that a recording keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The slot.
    pub slot: u64,
    /// The slot that it builds on.
    pub parent: u64,
    /// The block's hash.
    pub hash: String,
    /// The hash of the block that it builds on.
    pub parent_hash: String,
    /// The block time, where the node has it.
    pub time: Option<Seconds>,
    /// A line a transaction of a known program that did not fail, in the order of the block, as `getTransaction`
    /// prints it, with slot, index and time; then one of the block.
    pub lines: Vec<String>,
    /// Transactions in the lines.
    pub kept: u64,
}

/// Why an answer is no block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer to getBlock of slot {slot} is no block: {what}")]
pub struct BlockError {
    /// The slot that was asked for.
    pub slot: u64,
    /// The reason.
    pub what: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    blockhash: String,
    previous_blockhash: String,
    parent_slot: u64,
    block_time: Option<Seconds>,
    #[serde(borrow)]
    transactions: Vec<&'a RawValue>,
}

impl Block {
    /// Reads the answer to `getBlock` of `slot`, asked with all details and without rewards. A transaction that
    /// cannot be read is kept, so that whoever reads the recording is told.
    ///
    /// # Errors
    /// When the answer is no block, or gives itself as its parent.
    pub fn read(slot: u64, answer: &RawValue) -> Result<Self, BlockError> {
        let fault = |what: String| BlockError { slot, what };
        let answer: Answer<'_> =
            serde_json::from_str(answer.get()).map_err(|error| fault(error.to_string()))?;
        if answer.parent_slot >= slot {
            return Err(fault(format!("its parent is slot {}", answer.parent_slot)));
        }
        let mut lines = Vec::new();
        for (index, entry) in answer.transactions.iter().enumerate() {
            let Some(fields) = entry.get().trim().strip_prefix('{') else {
                return Err(fault(format!("transactions[{index}] is no object")));
            };
            let line = format!(
                "{{\"slot\":{slot},\"transactionIndex\":{index},\"blockTime\":{},\"blockhash\":\"{}\",{fields}",
                answer.block_time.map_or("null".to_owned(), |time| time.to_string()),
                answer.blockhash,
            );
            if is_kept(&line) {
                lines.push(line);
            }
        }
        let kept = lines.len() as u64;
        let block = json!({"blockMeta": {
            "slot": slot.to_string(),
            "blockhash": answer.blockhash,
            "parentSlot": answer.parent_slot.to_string(),
            "parentBlockhash": answer.previous_blockhash,
            "blockTime": answer.block_time.map(|time| json!({"timestamp": time.to_string()})),
            "executedTransactionCount": answer.transactions.len().to_string(),
        }});
        lines.push(block.to_string());
        Ok(Self {
            slot,
            parent: answer.parent_slot,
            hash: answer.blockhash,
            parent_hash: answer.previous_blockhash,
            time: answer.block_time,
            lines,
            kept,
        })
    }
}

/// True for what a live subscription brings: transactions that did not fail and name a known program, and for
/// what cannot be read.
fn is_kept(line: &str) -> bool {
    let Ok(json) = serde_json::from_str::<Json<'_>>(line) else { return true };
    let Ok(parsed) = parse(&json) else { return true };
    parsed.items.iter().any(|item| match item {
        Ok(Feed::Transaction(tx)) => tx.error.is_none() && names_a_program(tx),
        _ => true,
    })
}

fn names_a_program(tx: &Transaction) -> bool {
    tx.keys.iter().any(|key| Program::at(key).is_some())
}
