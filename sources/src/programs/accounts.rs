//! Where the accounts of an instruction stand that its events leave out.

/// Indexes into the accounts of an instruction; none where it does not name the account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    /// Pool or bonding curve.
    pub pool: Option<u8>,
    /// The two mints, in the order of [`Accounts::order`].
    pub mints: [Option<u8>; 2],
    /// The pool's two vaults, in the order of [`Accounts::order`].
    pub vaults: [Option<u8>; 2],
    /// Whose swap it is.
    pub user: Option<u8>,
    /// In which order mints and vaults stand.
    pub order: Order,
}

/// The order of an instruction's two tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The pool's own: base and quote, coin and pc, token 0 and 1, token A and B.
    #[default]
    Pool,
    /// The swap's: what goes in, what comes out.
    Swap,
}

impl Accounts {
    /// Accounts of which only the pool is known.
    #[must_use]
    pub const fn pool(index: u8) -> Self {
        Self { pool: Some(index), mints: [None; 2], vaults: [None; 2], user: None, order: Order::Pool }
    }

    /// With the mints at these indexes.
    #[must_use]
    pub const fn mints(self, first: u8, second: u8) -> Self {
        Self { mints: [Some(first), Some(second)], ..self }
    }

    /// With the first mint only: the second is the native coin, which has no account.
    #[must_use]
    pub const fn mint(self, first: u8) -> Self {
        Self { mints: [Some(first), None], ..self }
    }

    /// With the vaults at these indexes.
    #[must_use]
    pub const fn vaults(self, first: u8, second: u8) -> Self {
        Self { vaults: [Some(first), Some(second)], ..self }
    }

    /// With the first vault only.
    #[must_use]
    pub const fn vault(self, first: u8) -> Self {
        Self { vaults: [Some(first), None], ..self }
    }

    /// With the user at this index.
    #[must_use]
    pub const fn user(self, index: u8) -> Self {
        Self { user: Some(index), ..self }
    }

    /// With mints and vaults in the order of the swap.
    #[must_use]
    pub const fn in_swap_order(self) -> Self {
        Self { order: Order::Swap, ..self }
    }
}

/// An instruction of an Anchor program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Its first eight bytes, as they are written in hexadecimal.
    pub discriminator: u64,
    /// Its accounts.
    pub accounts: Accounts,
}

impl Instruction {
    /// An instruction and its accounts.
    #[must_use]
    pub const fn new(discriminator: u64, accounts: Accounts) -> Self {
        Self { discriminator, accounts }
    }
}
