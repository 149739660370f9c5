//! Items as JSON Lines: transactions as `getTransaction` returns them (`encoding: json`), slots as
//! Yellowstone prints its updates, quotes as the source `quotes` reads them.
//!
//! The lines can be read by anything that reads recordings of the chain. A slot's line carries no block
//! time, because Yellowstone's does not.

use std::io::{self, Write};

use model::{Address, PriceQuote, Seconds, Signature, SlotState, SlotStatus};
use serde::Serialize;

use super::Item;
use super::addresses::{derive, is_read_only, tag};
use super::transaction_builder::token_program;
use crate::base58;
use crate::transaction::{Instruction, TokenBalance, Transaction};

/// Writes one item and a line feed.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write_item(item: &Item, out: &mut impl Write) -> io::Result<()> {
    match item {
        Item::Transaction(transaction) => serde_json::to_writer(&mut *out, &Line::new(transaction))?,
        Item::Slot(status) => serde_json::to_writer(&mut *out, &SlotLine::new(status))?,
        Item::Quote(quote) => serde_json::to_writer(&mut *out, &QuoteLine::new(quote))?,
    }
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct SlotLine {
    filters: [&'static str; 1],
    slot: SlotUpdate,
}

#[derive(Serialize)]
struct SlotUpdate {
    slot: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    status: &'static str,
}

impl SlotLine {
    fn new(status: &SlotStatus) -> Self {
        let name = match status.state {
            SlotState::Processed => "SLOT_PROCESSED",
            SlotState::Confirmed => "SLOT_CONFIRMED",
            SlotState::Finalized => "SLOT_FINALIZED",
            SlotState::Dead => "SLOT_DEAD",
        };
        let (slot, parent) = (status.slot.to_string(), status.parent.map(|p| p.to_string()));
        Self { filters: ["slots"], slot: SlotUpdate { slot, parent, status: name } }
    }
}

#[derive(Serialize)]
struct QuoteLine<'a> {
    mint: Address,
    usd: f64,
    publish_time: Seconds,
    source: &'a str,
}

impl<'a> QuoteLine<'a> {
    fn new(quote: &'a PriceQuote) -> Self {
        let PriceQuote { mint, usd, publish_time, source } = quote;
        Self { mint: *mint, usd: usd.get(), publish_time: *publish_time, source }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    slot: Option<u64>,
    block_time: Option<u64>,
    transaction_index: Option<u32>,
    version: u8,
    transaction: Body<'a>,
    meta: Meta<'a>,
}

#[derive(Serialize)]
struct Body<'a> {
    signatures: Vec<Signature>,
    message: Message<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    header: Header,
    account_keys: &'a [Address],
    recent_blockhash: Address,
    instructions: Vec<Call<'a>>,
    address_table_lookups: [u8; 0],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    num_required_signatures: usize,
    num_readonly_signed_accounts: usize,
    num_readonly_unsigned_accounts: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Call<'a> {
    program_id_index: u16,
    accounts: &'a [u16],
    data: String,
    stack_height: Option<u8>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Meta<'a> {
    err: Option<serde_json::Value>,
    fee: Option<u64>,
    pre_balances: &'a [u64],
    post_balances: &'a [u64],
    inner_instructions: Option<Vec<Inner<'a>>>,
    log_messages: Option<&'a [String]>,
    pre_token_balances: Vec<Balance>,
    post_token_balances: Vec<Balance>,
    rewards: [u8; 0],
    loaded_addresses: Loaded,
    compute_units_consumed: Option<u64>,
}

#[derive(Serialize)]
struct Inner<'a> {
    index: u16,
    instructions: Vec<Call<'a>>,
}

#[derive(Serialize)]
struct Loaded {
    writable: [u8; 0],
    readonly: [u8; 0],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Balance {
    account_index: u16,
    mint: Address,
    owner: Option<Address>,
    program_id: Address,
    ui_token_amount: Amount,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Amount {
    amount: String,
    decimals: u8,
    ui_amount_string: String,
}

impl<'a> Line<'a> {
    fn new(t: &'a Transaction) -> Self {
        let calls = |calls: &'a [Instruction]| calls.iter().map(Call::new).collect::<Vec<_>>();
        let unsigned = t.keys.get(t.signers..).unwrap_or_default();
        let message = Message {
            header: Header {
                num_required_signatures: t.signers,
                num_readonly_signed_accounts: 0,
                num_readonly_unsigned_accounts: unsigned.iter().rev().take_while(|k| is_read_only(k)).count(),
            },
            account_keys: &t.keys,
            recent_blockhash: derive(tag::OTHER, &[&slot_key(t.slot)]),
            instructions: calls(&t.instructions),
            address_table_lookups: [],
        };
        let inner = |group: &'a crate::transaction::InnerInstructions| Inner {
            index: group.outer,
            instructions: calls(&group.instructions),
        };
        Self {
            slot: t.slot,
            block_time: t.block_time,
            transaction_index: t.index,
            version: 0,
            transaction: Body { signatures: signatures(t), message },
            meta: Meta {
                // Errors are written as JSON already; text of another origin stays text.
                err: t.error.as_ref().map(|e| serde_json::from_str(e).unwrap_or_else(|_| e.as_str().into())),
                fee: t.fee,
                pre_balances: &t.pre_balances,
                post_balances: &t.post_balances,
                inner_instructions: t.inner.as_ref().map(|groups| groups.iter().map(inner).collect()),
                log_messages: t.logs.as_deref(),
                pre_token_balances: t.pre_token_balances.iter().map(Balance::new).collect(),
                post_token_balances: t.post_token_balances.iter().map(Balance::new).collect(),
                rewards: [],
                loaded_addresses: Loaded { writable: [], readonly: [] },
                compute_units_consumed: t.compute_units,
            },
        }
    }
}

impl<'a> Call<'a> {
    fn new(call: &'a Instruction) -> Self {
        let data = base58::encode(&call.data);
        Self {
            program_id_index: call.program,
            accounts: &call.accounts,
            data,
            stack_height: call.stack_height,
        }
    }
}

impl Balance {
    fn new(balance: &TokenBalance) -> Self {
        Self {
            account_index: balance.account,
            mint: balance.mint,
            owner: balance.owner,
            program_id: token_program(&balance.mint).address,
            ui_token_amount: Amount {
                amount: balance.amount.to_string(),
                decimals: balance.decimals,
                ui_amount_string: decimal(balance.amount, balance.decimals),
            },
        }
    }
}

/// A raw amount in whole coins, without trailing zeros.
fn decimal(amount: u64, decimals: u8) -> String {
    let Some(one) = 10u64.checked_pow(decimals.into()).filter(|one| *one > 1) else {
        return amount.to_string();
    };
    let (whole, rest) = (amount / one, amount % one);
    if rest == 0 {
        return whole.to_string();
    }
    let digits = format!("{rest:0width$}", width = usize::from(decimals));
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

/// One signature a signer. Only the first is known; the others are derived from it.
fn signatures(t: &Transaction) -> Vec<Signature> {
    (0..t.signers.max(1))
        .map(|i| {
            let mut signature = t.signature;
            signature.0.rotate_left(i);
            signature
        })
        .collect()
}

/// A slot in the shape of an address, to derive from.
fn slot_key(slot: Option<u64>) -> Address {
    let mut key = Address::ZERO;
    key.0[..8].copy_from_slice(&slot.unwrap_or(0).to_le_bytes());
    key
}
