//! The programs whose events are decoded.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Address;

/// How the market of a program sets its price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Market {
    /// A bonding curve: a launchpad's own market, left when it is complete.
    Curve,
    /// A pool that keeps the product of its reserves.
    ConstantProduct,
    /// A pool whose liquidity is spread over ranges of the price.
    Concentrated,
}

/// Makes of one row a program everything that depends on which programs there are.
macro_rules! programs {
    ($($(#[$meta:meta])* $program:ident, $name:literal, $address:literal, $market:ident;)*) => {
        /// A program that launches or trades tokens.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Program { $($(#[$meta])* $program,)* }

        impl Program {
            /// Every program.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$program),*];

            /// Name in every output.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$program => $name,)* }
            }

            /// Where the program lives on mainnet.
            #[must_use]
            pub const fn address(self) -> Address {
                match self { $(Self::$program => const { Address::literal($address) },)* }
            }

            /// How its markets set their price.
            #[must_use]
            pub const fn market(self) -> Market {
                match self { $(Self::$program => Market::$market,)* }
            }
        }
    };
}

programs! {
    /// pump.fun bonding curve.
    Pump, "pump", "6EF8rrecthR5Dkzon8Nwu78hRvfCKubJ14M5uBEwF6P", Curve;
    /// PumpSwap constant-product pools.
    Pumpswap, "pumpswap", "pAMMBay6oceH9fJKBRHGP5D4bD4sWpmSwMn52FMfXEA", ConstantProduct;
    /// Raydium's first constant-product pools.
    RaydiumAmmV4, "raydium_amm_v4", "675kPX9MHTjS2zt1qfr1NYHuzeLXfQM9H24wFSUt1Mp8", ConstantProduct;
    /// Raydium constant-product pools.
    RaydiumCpmm, "raydium_cpmm", "CPMMoo8L3F4NbTegBCKVNunggL7H1ZpdTHKxQB5qKP1C", ConstantProduct;
    /// Raydium concentrated liquidity.
    RaydiumClmm, "raydium_clmm", "CAMMCzo5YL8w4VFF8KVHrK22GGUsp5VTaW7grrKgrWqK", Concentrated;
    /// Raydium LaunchLab bonding curves.
    RaydiumLaunchlab, "raydium_launchlab", "LanMV9sAd7wArD4vJFi2qDdfnVhFxYSUg6eADduJ3uj", Curve;
    /// Meteora dynamic bonding curves.
    MeteoraDbc, "meteora_dbc", "dbcij3LWUppWqq96dh6gJWwBifmcGfLSB5D4DuSMaqN", Curve;
    /// Meteora dynamic pools, version 2.
    MeteoraDammV2, "meteora_damm_v2", "cpamdpZCGKUy5JxQXB4dcpGPiikHawvSWAd6mEn1sGG", Concentrated;
}

impl Program {
    /// The program that lives at `address`.
    #[must_use]
    pub fn at(address: &Address) -> Option<Self> {
        Self::ALL.into_iter().find(|program| program.address() == *address)
    }

    /// True for a bonding curve: a launchpad's own market, left when it is complete.
    #[must_use]
    pub const fn is_curve(self) -> bool {
        matches!(self.market(), Market::Curve)
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
            assert_eq!(serde_json::to_value(program).unwrap(), program.name());
        }
        assert_eq!(Program::at(&Address::WSOL), None);
    }
}
