//! Who an owner is: a wallet, or an account that is nobody's.
//!
//! Curves and pools are learned from events; burn addresses and the protocols' own accounts are lists
//! ([`crate::labels::accounts`]), since no event names them. Whether some other address belongs to a program cannot be told from the
//! address without a curve computation that costs more than a trade, so an owner that is in neither
//! counts as a wallet. Settings add to the list of the protocols.
//!
//! Source: DEFINITIONS §6, exclusions; §8, protocol accounts.

use model::Address;
use serde::{Deserialize, Serialize};

use crate::labels::accounts;

/// Whose tokens they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OwnerKind {
    /// A wallet, as far as is known.
    Wallet,
    /// The creator of the token, or who signed its creation.
    Creator,
    /// An account of a protocol: the authority over the vaults of all pools, a fee recipient.
    Protocol,
    /// A pool of the token.
    Pool,
    /// A bonding curve of the token.
    Curve,
    /// An address from which nothing returns.
    Burn,
}

impl OwnerKind {
    /// Name in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wallet => "wallet",
            Self::Creator => "creator",
            Self::Protocol => "protocol",
            Self::Pool => "pool",
            Self::Curve => "curve",
            Self::Burn => "burn",
        }
    }

    /// True for owners who count as holders.
    #[must_use]
    pub const fn is_holder(self) -> bool {
        matches!(self, Self::Wallet | Self::Creator)
    }
}

/// Addresses from which nothing returns: the incinerator, and the system program, which signs nothing.
const BURN: [Address; 2] = [Address::literal("1nc1nerator11111111111111111111111111111111"), Address::ZERO];

/// Class of an owner, known from its address alone.
#[must_use]
pub fn known(owner: &Address) -> Option<OwnerKind> {
    if BURN.contains(owner) {
        return Some(OwnerKind::Burn);
    }
    accounts::known(owner).map(|_| OwnerKind::Protocol)
}
