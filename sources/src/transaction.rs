//! A transaction as the decoders see it, whatever format it came in.
//!
//! It is the executed transaction: message and metadata together. Optional parts are `None` where the
//! feed does not give them (websocket logs have no inner instructions, single transactions no index),
//! and the decoders do with what is there.

use model::{Address, Millis, Seconds, Signature};

/// One executed transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Slot of its block.
    pub slot: Option<u64>,
    /// Index in its block.
    pub index: Option<u32>,
    /// Block time.
    pub block_time: Option<Seconds>,
    /// When the feed delivered it, where the recording says.
    pub received_at: Option<Millis>,
    /// First signature.
    pub signature: Signature,
    /// How many of the leading keys signed.
    pub signers: usize,
    /// The error it failed with, as the feed spells it; a failed transaction changed nothing.
    pub error: Option<String>,
    /// Static keys, then the loaded writable ones, then the loaded read-only ones.
    pub keys: Vec<Address>,
    /// Top-level instructions.
    pub instructions: Vec<Instruction>,
    /// Inner instructions by top-level instruction; none if the feed has none.
    pub inner: Option<Vec<InnerInstructions>>,
    /// Log lines; none if the feed has none.
    pub logs: Option<Vec<String>>,
    /// Token balances before.
    pub pre_token_balances: Vec<TokenBalance>,
    /// Token balances after.
    pub post_token_balances: Vec<TokenBalance>,
    /// Lamports before, by key; empty if the feed has none.
    pub pre_balances: Vec<u64>,
    /// Lamports after, by key; empty if the feed has none.
    pub post_balances: Vec<u64>,
    /// Fee in lamports, base and priority.
    pub fee: Option<u64>,
    /// Compute units used.
    pub compute_units: Option<u64>,
}

/// One instruction. Indexes point into [`Transaction::keys`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// The program called.
    pub program: u16,
    /// The accounts handed to it.
    pub accounts: Vec<u16>,
    /// Its data; empty where the feed gives the parsed form only, but for what moves tokens.
    pub data: Vec<u8>,
    /// Depth of the call, 1 for the top level, where the feed says.
    pub stack_height: Option<u8>,
}

/// The instructions that one top-level instruction called, in the order of execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InnerInstructions {
    /// Index of the top-level instruction.
    pub outer: u16,
    /// The calls.
    pub instructions: Vec<Instruction>,
}

/// The balance of a token account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenBalance {
    /// The token account, an index into [`Transaction::keys`].
    pub account: u16,
    /// Its mint.
    pub mint: Address,
    /// Whose it is, where the feed says.
    pub owner: Option<Address>,
    /// Balance in raw units.
    pub amount: u64,
    /// Decimals of the mint.
    pub decimals: u8,
}

impl Transaction {
    /// A transaction of which nothing but its name is known.
    #[must_use]
    pub const fn new(signature: Signature) -> Self {
        Self {
            slot: None,
            index: None,
            block_time: None,
            received_at: None,
            signature,
            signers: 0,
            error: None,
            keys: Vec::new(),
            instructions: Vec::new(),
            inner: None,
            logs: None,
            pre_token_balances: Vec::new(),
            post_token_balances: Vec::new(),
            pre_balances: Vec::new(),
            post_balances: Vec::new(),
            fee: None,
            compute_units: None,
        }
    }

    /// True if `address` signed.
    #[must_use]
    pub fn is_signer(&self, address: &Address) -> bool {
        self.keys.iter().take(self.signers).any(|key| key == address)
    }

    /// The mint of a token account, if one of the balances is its.
    #[must_use]
    pub fn mint_of(&self, account: &Address) -> Option<Address> {
        self.token_balance(account).map(|balance| balance.mint)
    }

    /// The balance of a token account after the transaction, or else before it.
    #[must_use]
    pub fn token_balance(&self, account: &Address) -> Option<&TokenBalance> {
        let mut balances = self.post_token_balances.iter().chain(&self.pre_token_balances);
        balances.find(|balance| self.keys.get(usize::from(balance.account)) == Some(account))
    }

    /// What the fee holds beyond 5000 lamports a signature: the price of priority, in lamports.
    #[must_use]
    pub fn priority_fee(&self) -> Option<u64> {
        const LAMPORTS_PER_SIGNATURE: u64 = 5_000;
        let signatures = u64::try_from(self.signers).ok()?;
        Some(self.fee?.saturating_sub(LAMPORTS_PER_SIGNATURE.saturating_mul(signatures)))
    }
}
