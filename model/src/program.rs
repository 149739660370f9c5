//! The programs whose events are decoded.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Address;

/// A program that launches or trades tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Program {
    /// pump.fun bonding curve.
    Pump,
    /// PumpSwap constant-product pools.
    Pumpswap,
    /// Raydium's first constant-product pools.
    RaydiumAmmV4,
    /// Raydium constant-product pools.
    RaydiumCpmm,
    /// Raydium concentrated liquidity.
    RaydiumClmm,
    /// Raydium LaunchLab bonding curves.
    RaydiumLaunchlab,
    /// Meteora dynamic bonding curves.
    MeteoraDbc,
    /// Meteora dynamic pools, version 2.
    MeteoraDammV2,
}

impl Program {
    /// Every program.
    pub const ALL: [Self; 8] = [
        Self::Pump,
        Self::Pumpswap,
        Self::RaydiumAmmV4,
        Self::RaydiumCpmm,
        Self::RaydiumClmm,
        Self::RaydiumLaunchlab,
        Self::MeteoraDbc,
        Self::MeteoraDammV2,
    ];

    /// Name in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pump => "pump",
            Self::Pumpswap => "pumpswap",
            Self::RaydiumAmmV4 => "raydium_amm_v4",
            Self::RaydiumCpmm => "raydium_cpmm",
            Self::RaydiumClmm => "raydium_clmm",
            Self::RaydiumLaunchlab => "raydium_launchlab",
            Self::MeteoraDbc => "meteora_dbc",
            Self::MeteoraDammV2 => "meteora_damm_v2",
        }
    }

    /// Where the program lives on mainnet.
    #[must_use]
    pub const fn address(self) -> Address {
        const ADDRESSES: [Address; 8] = [
            Address::literal("6EF8rrecthR5Dkzon8Nwu78hRvfCKubJ14M5uBEwF6P"),
            Address::literal("pAMMBay6oceH9fJKBRHGP5D4bD4sWpmSwMn52FMfXEA"),
            Address::literal("675kPX9MHTjS2zt1qfr1NYHuzeLXfQM9H24wFSUt1Mp8"),
            Address::literal("CPMMoo8L3F4NbTegBCKVNunggL7H1ZpdTHKxQB5qKP1C"),
            Address::literal("CAMMCzo5YL8w4VFF8KVHrK22GGUsp5VTaW7grrKgrWqK"),
            Address::literal("LanMV9sAd7wArD4vJFi2qDdfnVhFxYSUg6eADduJ3uj"),
            Address::literal("dbcij3LWUppWqq96dh6gJWwBifmcGfLSB5D4DuSMaqN"),
            Address::literal("cpamdpZCGKUy5JxQXB4dcpGPiikHawvSWAd6mEn1sGG"),
        ];
        ADDRESSES[self as usize]
    }

    /// The program that lives at `address`.
    #[must_use]
    pub fn at(address: &Address) -> Option<Self> {
        Self::ALL.into_iter().find(|program| program.address() == *address)
    }

    /// True for a bonding curve: a launchpad's own market, left when it is complete.
    #[must_use]
    pub const fn is_curve(self) -> bool {
        matches!(self, Self::Pump | Self::RaydiumLaunchlab | Self::MeteoraDbc)
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_is_found_by_its_address() {
        for program in Program::ALL {
            assert_eq!(Program::at(&program.address()), Some(program));
        }
        assert_eq!(Program::at(&Address::WSOL), None);
    }
}
