//! Puts a transaction together: keys, calls, logs and balances that agree with each other.
//!
//! The encoders say what is called and what moves; the builder numbers the accounts, keeps the depth of
//! the calls in instructions and logs alike, and books every transfer, so that the balances after are
//! those before plus what the instructions did.
//!
//! Accounts that the simulation does not follow (the protocol's own) show a typical balance before.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Address, Seconds, Signature};

use super::addresses::{Called, SYSTEM, TOKEN, TOKEN_2022, is_read_only};
use crate::transaction::{InnerInstructions, Instruction, TokenBalance, Transaction};

/// First bytes of an event's own call, before its discriminator.
pub(crate) const EVENT_TAG: [u8; 8] = [0xe4, 0x45, 0xa5, 0x2e, 0x51, 0xcb, 0x9a, 0x1d];
/// Lamports that keep a token account alive.
pub(crate) const TOKEN_RENT: u64 = 2_039_280;
/// Bytes of logs that a transaction may write.
const LOG_BYTES_MAX: usize = 10_000;

/// A token account as a step declares it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenAccount {
    pub(crate) account: Address,
    pub(crate) mint: Address,
    pub(crate) owner: Address,
    pub(crate) decimals: u8,
    /// Balance before; none if it does not exist yet.
    pub(crate) before: Option<u64>,
}

struct Key {
    address: Address,
    before: u64,
    after: u64,
}

struct Tokens {
    key: usize,
    mint: Address,
    owner: Address,
    decimals: u8,
    before: Option<u64>,
    after: u64,
}

/// Where a transaction lands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) slot: u64,
    pub(crate) index: u32,
    pub(crate) block_time: Seconds,
}

/// A transaction in the making.
pub(crate) struct Builder {
    keys: Vec<Key>,
    signers: usize,
    instructions: Vec<Instruction>,
    inner: Vec<InnerInstructions>,
    logs: Vec<String>,
    tokens: Vec<Tokens>,
    units_limit: u64,
    units_used: u64,
}

impl Builder {
    /// A transaction that `signers` (with their lamports) sign, the first of whom pays.
    pub(crate) fn new(signers: impl Iterator<Item = (Address, u64)>, units_limit: u64) -> Self {
        let mut keys = Vec::with_capacity(40);
        keys.extend(signers.map(|(address, lamports)| Key { address, before: lamports, after: lamports }));
        Self {
            signers: keys.len(),
            keys,
            instructions: Vec::with_capacity(6),
            inner: Vec::with_capacity(4),
            logs: Vec::with_capacity(64),
            tokens: Vec::with_capacity(6),
            units_limit,
            units_used: 0,
        }
    }

    fn position(&mut self, address: &Address) -> usize {
        if let Some(at) = self.keys.iter().position(|k| k.address == *address) {
            return at;
        }
        let lamports = typical_lamports(address);
        self.keys.push(Key { address: *address, before: lamports, after: lamports });
        self.keys.len() - 1
    }

    fn index(&mut self, address: &Address) -> u16 {
        u16::try_from(self.position(address)).unwrap_or(u16::MAX)
    }

    /// Declares what an account holds, unless it is declared already.
    pub(crate) fn account(&mut self, address: &Address, lamports: u64) {
        if !self.keys.iter().any(|k| k.address == *address) {
            self.keys.push(Key { address: *address, before: lamports, after: lamports });
        }
    }

    /// Declares a token account, unless it is declared already.
    pub(crate) fn token_account(&mut self, token: &TokenAccount) {
        let wrapped = if token.mint == Address::WSOL { token.before.unwrap_or(0) } else { 0 };
        self.account(&token.account, token.before.map_or(0, |_| TOKEN_RENT + wrapped));
        let key = self.position(&token.account);
        if self.tokens.iter().all(|t| t.key != key) {
            let (mint, owner, decimals, before) = (token.mint, token.owner, token.decimals, token.before);
            self.tokens.push(Tokens { key, mint, owner, decimals, before, after: before.unwrap_or(0) });
        }
    }

    /// True if the account is declared and exists by now.
    pub(crate) fn exists(&self, account: &Address) -> bool {
        self.keys.iter().any(|k| k.address == *account && k.after > 0)
    }

    /// Starts a call at `depth`, 1 for the transaction's own.
    pub(crate) fn enter(&mut self, program: &Called, depth: u8, accounts: &[Address], data: Vec<u8>) {
        let accounts = accounts.iter().map(|a| self.index(a)).collect();
        let program_index = self.index(&program.address);
        let call = Instruction { program: program_index, accounts, data, stack_height: Some(depth) };
        if depth == 1 {
            self.instructions.push(call);
        } else {
            let outer = u16::try_from(self.instructions.len().saturating_sub(1)).unwrap_or(u16::MAX);
            match self.inner.last_mut() {
                Some(group) if group.outer == outer => group.instructions.push(call),
                _ => self.inner.push(InnerInstructions { outer, instructions: vec![call] }),
            }
        }
        self.logs.push(format!("Program {} invoke [{depth}]", program.text));
    }

    /// Ends a call that succeeded and used `units`; the built-in programs do not say how many.
    pub(crate) fn leave(&mut self, program: &Called, depth: u8, units: Option<u64>) {
        if let Some(units) = units {
            self.consumed(program, depth, units);
        } else if depth == 1 {
            self.units_used += 150;
        }
        self.logs.push(["Program ", program.text, " success"].concat());
    }

    fn consumed(&mut self, program: &Called, depth: u8, units: u64) {
        let left = self.units_limit.saturating_sub(self.units_used).max(units);
        self.logs.push(format!("Program {} consumed {units} of {left} compute units", program.text));
        if depth == 1 {
            self.units_used += units;
        }
    }

    /// Ends a call that failed with `code`.
    pub(crate) fn fail(&mut self, program: &Called, depth: u8, code: u32) {
        self.consumed(program, depth, 21_377);
        self.logs.push(format!("Program {} failed: custom program error: {code:#x}", program.text));
    }

    /// Writes a log line of the running program.
    pub(crate) fn log(&mut self, text: &str) {
        self.logs.push(["Program log: ", text].concat());
    }

    /// Ends a call that succeeded with an answer.
    pub(crate) fn leave_returning(&mut self, program: &Called, depth: u8, units: u64, answer: &[u8]) {
        self.consumed(program, depth, units);
        let mut line = ["Program return: ", program.text, " "].concat();
        STANDARD.encode_string(answer, &mut line);
        self.logs.push(line);
        self.logs.push(["Program ", program.text, " success"].concat());
    }

    /// Emits an event both ways: as a log line, and as a call of the program to itself. `bytes` begins
    /// with [`EVENT_TAG`]; `depth` is that of the emitting call.
    pub(crate) fn event(&mut self, program: &Called, authority: &Address, depth: u8, bytes: Vec<u8>) {
        let payload = bytes.get(EVENT_TAG.len()..).unwrap_or_default();
        let mut line = String::with_capacity(16 + payload.len() * 4 / 3);
        line.push_str("Program data: ");
        STANDARD.encode_string(payload, &mut line);
        self.logs.push(line);
        self.enter(program, depth + 1, std::slice::from_ref(authority), bytes);
        self.leave(program, depth + 1, Some(2_060));
    }

    /// Moves lamports by a call of the system program.
    pub(crate) fn pay(&mut self, depth: u8, from: &Address, to: &Address, lamports: u64) {
        let mut data = vec![2, 0, 0, 0];
        data.extend(lamports.to_le_bytes());
        self.enter(&SYSTEM, depth, &[*from, *to], data);
        self.leave(&SYSTEM, depth, None);
        self.move_lamports(from, to, lamports);
    }

    /// Moves lamports as a program does with those of its own accounts: without a call.
    pub(crate) fn move_lamports(&mut self, from: &Address, to: &Address, lamports: u64) {
        let (from, to) = (self.position(from), self.position(to));
        self.keys[from].after = self.keys[from].after.saturating_sub(lamports);
        self.keys[to].after = self.keys[to].after.saturating_add(lamports);
    }

    /// Turns lamports of `from` into wrapped SOL of a token account.
    pub(crate) fn wrap(&mut self, from: &Address, account: &Address, lamports: u64) {
        let from = self.position(from);
        self.keys[from].after = self.keys[from].after.saturating_sub(lamports);
        self.book(account, &Address::WSOL, true, lamports);
    }

    /// Moves tokens by `TransferChecked` on the authority of `owner`; both accounts are declared.
    pub(crate) fn transfer(&mut self, depth: u8, from: &Address, to: &Address, owner: &Address, amount: u64) {
        let source = self.position(from);
        let Some(tokens) = self.tokens.iter().find(|t| t.key == source) else { return };
        let (mint, decimals) = (tokens.mint, tokens.decimals);
        let program = token_program(&mint);
        let mut data = vec![12];
        data.extend(amount.to_le_bytes());
        data.push(decimals);
        self.enter(program, depth, &[*from, mint, *to, *owner], data);
        self.log("Instruction: TransferChecked");
        self.leave(program, depth, Some(if mint == Address::WSOL { 6_238 } else { 2_475 }));
        self.book(from, &mint, false, amount);
        self.book(to, &mint, true, amount);
    }

    /// Books tokens that an account gains or loses.
    pub(crate) fn book(&mut self, account: &Address, mint: &Address, gains: bool, amount: u64) {
        let key = self.position(account);
        let change = |value: u64| {
            if gains { value.saturating_add(amount) } else { value.saturating_sub(amount) }
        };
        if let Some(tokens) = self.tokens.iter_mut().find(|t| t.key == key) {
            tokens.after = change(tokens.after);
        }
        if *mint == Address::WSOL {
            self.keys[key].after = change(self.keys[key].after);
        }
    }

    /// The finished transaction. A failed one changes nothing but the payer's fee.
    pub(crate) fn finish(
        mut self,
        signature: Signature,
        place: Place,
        fee: u64,
        error: Option<u32>,
    ) -> Transaction {
        let failed_at = self.instructions.len().saturating_sub(1);
        if error.is_some() {
            self.keys.iter_mut().for_each(|k| k.after = k.before);
            self.tokens.iter_mut().for_each(|t| t.after = t.before.unwrap_or(0));
        }
        if let Some(payer) = self.keys.first_mut() {
            payer.after = payer.after.saturating_sub(fee);
        }
        self.bound_logs();
        self.order_keys();
        let balance = |t: &Tokens, amount: u64| TokenBalance {
            account: u16::try_from(t.key).unwrap_or(u16::MAX),
            mint: t.mint,
            owner: Some(t.owner),
            amount,
            decimals: t.decimals,
        };
        let lives = |t: &&Tokens| t.before.is_some() || error.is_none();
        Transaction {
            slot: Some(place.slot),
            index: Some(place.index),
            block_time: Some(place.block_time),
            received_at: None,
            signature,
            signers: self.signers,
            error: error.map(|code| format!("{{\"InstructionError\":[{failed_at},{{\"Custom\":{code}}}]}}")),
            pre_token_balances: self.tokens.iter().filter_map(|t| Some(balance(t, t.before?))).collect(),
            post_token_balances: self.tokens.iter().filter(lives).map(|t| balance(t, t.after)).collect(),
            pre_balances: self.keys.iter().map(|k| k.before).collect(),
            post_balances: self.keys.iter().map(|k| k.after).collect(),
            keys: self.keys.into_iter().map(|k| k.address).collect(),
            instructions: self.instructions,
            inner: Some(self.inner),
            logs: Some(self.logs),
            fee: Some(fee),
            compute_units: Some(self.units_used),
        }
    }

    /// Cuts the logs where the runtime does: at its limit, or earlier after `share` 256ths of the lines.
    pub(crate) fn cut_logs(&mut self, share: u8) {
        self.logs.truncate(self.logs.len() * usize::from(share) / 256);
        self.logs.push("Log truncated".to_owned());
    }

    fn bound_logs(&mut self) {
        let mut bytes = 0;
        let over = self.logs.iter().position(|line| {
            bytes += line.len();
            bytes > LOG_BYTES_MAX
        });
        if let Some(at) = over {
            self.logs.truncate(at);
            self.logs.push("Log truncated".to_owned());
        }
    }

    /// Signers first, then what is written, then what is only read, as the chain orders keys.
    fn order_keys(&mut self) {
        let mut order: Vec<usize> = (0..self.keys.len()).collect();
        let rank = |at: &usize| {
            if *at < self.signers { 0 } else { 1 + u8::from(is_read_only(&self.keys[*at].address)) }
        };
        order.sort_by_key(rank);
        let mut new_index = vec![0; order.len()];
        for (to, from) in order.iter().enumerate() {
            new_index[*from] = u16::try_from(to).unwrap_or(u16::MAX);
        }
        let renumber = |index: &mut u16| *index = new_index[usize::from(*index)];
        let inner = self.inner.iter_mut().flat_map(|group| &mut group.instructions);
        for call in self.instructions.iter_mut().chain(inner) {
            renumber(&mut call.program);
            call.accounts.iter_mut().for_each(renumber);
        }
        for tokens in &mut self.tokens {
            tokens.key = new_index[tokens.key].into();
        }
        self.tokens.sort_by_key(|t| t.key);
        let mut keyed: Vec<(u16, Key)> = new_index.into_iter().zip(self.keys.drain(..)).collect();
        keyed.sort_by_key(|(to, _)| *to);
        self.keys.extend(keyed.into_iter().map(|(_, key)| key));
    }
}

/// Which token program owns a mint: pump.fun's coins are Token-2022, the quotes are not.
pub(crate) fn token_program(mint: &Address) -> &'static Called {
    if *mint == Address::WSOL || *mint == Address::USDC { &TOKEN } else { &TOKEN_2022 }
}

/// What an account holds that nobody declared: programs and accounts of the protocol.
fn typical_lamports(address: &Address) -> u64 {
    match address {
        a if *a == SYSTEM.address => 1,
        a if is_read_only(a) => 1_141_440,
        a => 2_000_000 + u64::from(u16::from_le_bytes([a.0[0], a.0[1]])) * 1_000_000,
    }
}
