//! What a transaction did to the holdings of each owner of a token.
//!
//! The balances that a transaction lists tell nearly all: what an account held before and after. They
//! leave out an account that is opened and closed within the transaction, as wallets do with wrapped SOL.
//! Such an account names its owner when it is initialised, and what went in and out of it are the
//! transfers between. So the instructions of the token programs are read as well, and only when asked for.
//!
//! A token may keep a part of each transfer (Token-2022). The part is in no balance: it shows as what all
//! accounts together have less than before.

use std::cell::OnceCell;

use model::Address;

use crate::transaction::{Instruction, Transaction};

/// The two token programs.
pub(crate) const TOKEN_PROGRAMS: [Address; 2] = [
    Address::literal("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"),
    Address::literal("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"),
];

/// The first byte of those instructions that are read.
pub(crate) mod tag {
    pub(crate) const INITIALIZE_ACCOUNT: u8 = 1;
    pub(crate) const TRANSFER: u8 = 3;
    pub(crate) const MINT_TO: u8 = 7;
    pub(crate) const BURN: u8 = 8;
    pub(crate) const TRANSFER_CHECKED: u8 = 12;
    pub(crate) const MINT_TO_CHECKED: u8 = 14;
    pub(crate) const BURN_CHECKED: u8 = 15;
    pub(crate) const INITIALIZE_ACCOUNT_2: u8 = 16;
    pub(crate) const INITIALIZE_ACCOUNT_3: u8 = 18;
    /// The extension of transfer fees; the next byte says which of its instructions.
    pub(crate) const TRANSFER_FEE: u8 = 26;
    pub(crate) const TRANSFER_CHECKED_WITH_FEE: u8 = 1;
}

/// Tokens that an instruction moved. Accounts are indexes into [`Transaction::keys`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transfer {
    /// Top-level instruction, and the one under it.
    pub(crate) place: (u16, Option<u16>),
    /// Whence; none if they were minted.
    pub(crate) from: Option<u16>,
    /// Whither; none if they were burnt.
    pub(crate) to: Option<u16>,
    /// What left `from`, raw units. `to` got it less what the token keeps.
    pub(crate) amount: u64,
    /// The mint, where the instruction names it.
    pub(crate) mint: Option<Address>,
}

/// A token account that is in no balance of the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Temporary {
    account: u16,
    mint: Address,
    owner: Address,
}

/// What the token programs were told to do.
#[derive(Debug, Default)]
struct Told {
    transfers: Vec<Transfer>,
    temporary: Vec<Temporary>,
}

/// The holdings that a transaction moved.
#[derive(Debug)]
pub(crate) struct Holdings<'a> {
    tx: &'a Transaction,
    told: OnceCell<Told>,
}

impl<'a> Holdings<'a> {
    /// Of a transaction; nothing is read yet.
    pub(crate) const fn of(tx: &'a Transaction) -> Self {
        Self { tx, told: OnceCell::new() }
    }

    /// Whose token account it is.
    pub(crate) fn owner(&self, account: u16) -> Option<Address> {
        let mut balances = self.tx.post_token_balances.iter().chain(&self.tx.pre_token_balances);
        let listed = balances.find(|balance| balance.account == account).and_then(|balance| balance.owner);
        listed.or_else(|| {
            let temporary = self.told().temporary.iter().find(|temporary| temporary.account == account);
            temporary.map(|temporary| temporary.owner)
        })
    }

    /// What the token programs moved, in the order of execution.
    pub(crate) fn transfers(&self) -> &[Transfer] {
        &self.told().transfers
    }

    /// How much each owner's holdings of a mint changed, temporary accounts included.
    pub(crate) fn changes(&self, mint: &Address) -> Vec<(Address, i128)> {
        let mut changes = listed_changes(self.tx, mint);
        let told = self.told();
        for temporary in told.temporary.iter().filter(|temporary| temporary.mint == *mint) {
            for transfer in &told.transfers {
                let amount = i128::from(transfer.amount);
                let change = match (transfer.from, transfer.to) {
                    (_, Some(to)) if to == temporary.account => amount,
                    (Some(from), _) if from == temporary.account => -amount,
                    _ => continue,
                };
                add(&mut changes, temporary.owner, change);
            }
        }
        changes
    }

    /// What was minted of a token, less what was burnt, raw units.
    pub(crate) fn minted(&self, mint: &Address) -> u64 {
        u64::try_from(self.made(mint)).unwrap_or(0)
    }

    fn made(&self, mint: &Address) -> i128 {
        let of_mint = self.transfers().iter().filter(|transfer| transfer.mint == Some(*mint));
        let made = of_mint.map(|transfer| {
            let amount = i128::from(transfer.amount);
            match (transfer.from, transfer.to) {
                (None, Some(_)) => amount,
                (Some(_), None) => -amount,
                _ => 0,
            }
        });
        made.sum()
    }

    /// What the mint has kept of the transfers: what all accounts together have less, and nobody burnt.
    pub(crate) fn kept(&self, mint: &Address) -> i128 {
        let sum = |balances: &[crate::transaction::TokenBalance]| -> i128 {
            balances.iter().filter(|b| b.mint == *mint).map(|b| i128::from(b.amount)).sum()
        };
        let lost = sum(&self.tx.pre_token_balances) - sum(&self.tx.post_token_balances);
        lost + self.made(mint)
    }

    fn told(&self) -> &Told {
        self.told.get_or_init(|| {
            let mut told = Told::default();
            for (outer, instruction) in (0..).zip(&self.tx.instructions) {
                self.read((outer, None), instruction, &mut told);
                for group in self.tx.inner.iter().flatten().filter(|group| group.outer == outer) {
                    for (inner, instruction) in (0..).zip(&group.instructions) {
                        self.read((outer, Some(inner)), instruction, &mut told);
                    }
                }
            }
            told
        })
    }

    fn read(&self, place: (u16, Option<u16>), instruction: &Instruction, told: &mut Told) {
        let program = self.tx.keys.get(usize::from(instruction.program));
        if !program.is_some_and(|program| TOKEN_PROGRAMS.contains(program)) {
            return;
        }
        let account = |index: usize| instruction.accounts.get(index).copied();
        let key = |index: usize| self.tx.keys.get(usize::from(account(index)?)).copied();
        let data = &instruction.data[..];
        let amount = |at: usize| data.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
        let transfer = |from, to, mint, amount| Some(Transfer { place, from, to, amount: amount?, mint });
        let moved = match data.first() {
            Some(&tag::TRANSFER) => transfer(account(0), account(1), None, amount(1)),
            Some(&tag::TRANSFER_CHECKED) => transfer(account(0), account(2), key(1), amount(1)),
            Some(&tag::TRANSFER_FEE) if data.get(1) == Some(&tag::TRANSFER_CHECKED_WITH_FEE) => {
                transfer(account(0), account(2), key(1), amount(2))
            }
            Some(&(tag::MINT_TO | tag::MINT_TO_CHECKED)) => transfer(None, account(1), key(0), amount(1)),
            Some(&(tag::BURN | tag::BURN_CHECKED)) => transfer(account(0), None, key(1), amount(1)),
            Some(&tag::INITIALIZE_ACCOUNT) => return self.open(account(0), key(1), key(2), told),
            Some(&(tag::INITIALIZE_ACCOUNT_2 | tag::INITIALIZE_ACCOUNT_3)) => {
                let owner = data.get(1..).and_then(Address::from_slice);
                return self.open(account(0), key(1), owner, told);
            }
            _ => None,
        };
        told.transfers.extend(moved);
    }

    fn open(&self, account: Option<u16>, mint: Option<Address>, owner: Option<Address>, told: &mut Told) {
        let (Some(account), Some(mint), Some(owner)) = (account, mint, owner) else { return };
        let mut balances = self.tx.post_token_balances.iter().chain(&self.tx.pre_token_balances);
        // An account may be opened, closed and opened again.
        let is_new = told.temporary.iter().all(|known| known.account != account);
        if is_new && balances.all(|balance| balance.account != account) {
            told.temporary.push(Temporary { account, mint, owner });
        }
    }
}

/// How much each owner's holdings of a mint changed, by the balances that the transaction lists.
pub(crate) fn listed_changes(tx: &Transaction, mint: &Address) -> Vec<(Address, i128)> {
    let mut changes: Vec<(Address, i128)> = Vec::new();
    let before = tx.pre_token_balances.iter().map(|balance| (balance, -1));
    let after = tx.post_token_balances.iter().map(|balance| (balance, 1));
    for (balance, sign) in before.chain(after).filter(|(balance, _)| balance.mint == *mint) {
        if let Some(owner) = balance.owner {
            add(&mut changes, owner, i128::from(balance.amount) * sign);
        }
    }
    changes
}

fn add(changes: &mut Vec<(Address, i128)>, owner: Address, change: i128) {
    match changes.iter_mut().find(|(known, _)| *known == owner) {
        Some((_, sum)) => *sum += change,
        None => changes.push((owner, change)),
    }
}

/// What an owner's holdings changed by, of a list of changes.
pub(crate) fn change_of(changes: &[(Address, i128)], owner: &Address) -> i128 {
    changes.iter().find(|(other, _)| other == owner).map_or(0, |(_, change)| *change)
}
