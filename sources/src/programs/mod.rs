//! The events of the known programs: from bytes to typed values, one file a program.
//!
//! Everything here is a pure function of the bytes, and any bytes at all give an event or an
//! [`Undecoded`], never a panic. A discriminator depends on an event's name only, so programs share
//! them: only the pair of program and discriminator says which layout the bytes have.
//!
//! Beside its events each program lists where its instructions keep the pool, the mints and the vaults,
//! because most events name a pool at best.

pub mod accounts;
pub mod meteora_damm_v2;
pub mod meteora_dbc;
pub mod pump;
pub mod pumpswap;
pub mod raydium_amm_v4;
pub mod raydium_clmm;
pub mod raydium_cpmm;
pub mod raydium_launchlab;

use model::Program;
use serde::Serialize;

pub use accounts::{Accounts, Instruction};

use crate::fields::Missing;

/// First bytes of an event that a program hands to itself as an instruction.
pub const EVENT_INSTRUCTION: [u8; 8] = [0xe4, 0x45, 0xa5, 0x2e, 0x51, 0xcb, 0x9a, 0x1d];

/// Whether reserves in an event are those before or after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReservesAre {
    /// Before the trade.
    Pre,
    /// After the trade.
    Post,
}

/// Why bytes are no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undecoded {
    /// A discriminator, or first byte, that this program is not known to write.
    #[error("unknown event {0:016x}")]
    Unknown(u64),
    /// An event that says nothing of trades, tokens or reserves.
    #[error("{0} is known and not used")]
    Ignored(&'static str),
    /// A known event whose bytes end too soon.
    #[error("{event}: {missing}")]
    Short {
        /// Name of the event.
        event: &'static str,
        /// The missing part.
        missing: Missing,
    },
}

/// A decoded event of one of the programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Payload {
    /// An event of pump.fun.
    Pump(pump::Event),
    /// An event of PumpSwap.
    Pumpswap(pumpswap::Event),
    /// An event of Raydium AMM v4.
    RaydiumAmmV4(raydium_amm_v4::Event),
    /// An event of Raydium CPMM.
    RaydiumCpmm(raydium_cpmm::Event),
    /// An event of Raydium CLMM.
    RaydiumClmm(raydium_clmm::Event),
    /// An event of Raydium LaunchLab.
    RaydiumLaunchlab(raydium_launchlab::Event),
    /// An event of Meteora DBC.
    MeteoraDbc(meteora_dbc::Event),
    /// An event of Meteora DAMM v2.
    MeteoraDammV2(meteora_damm_v2::Event),
}

impl Payload {
    /// Name of the event, as the program calls it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pump(event) => event.name(),
            Self::Pumpswap(event) => event.name(),
            Self::RaydiumAmmV4(event) => event.name(),
            Self::RaydiumCpmm(event) => event.name(),
            Self::RaydiumClmm(event) => event.name(),
            Self::RaydiumLaunchlab(event) => event.name(),
            Self::MeteoraDbc(event) => event.name(),
            Self::MeteoraDammV2(event) => event.name(),
        }
    }

    /// The event's own time in seconds, where it carries one.
    #[must_use]
    pub fn timestamp(&self) -> Option<i64> {
        match self {
            Self::Pump(event) => event.timestamp(),
            Self::Pumpswap(event) => Some(event.timestamp()),
            Self::MeteoraDbc(event) => event.timestamp(),
            Self::MeteoraDammV2(event) => event.timestamp(),
            Self::RaydiumAmmV4(_)
            | Self::RaydiumCpmm(_)
            | Self::RaydiumClmm(_)
            | Self::RaydiumLaunchlab(_) => None,
        }
    }
}

/// Decodes an event of `program`. The bytes are what the program wrote: discriminator and fields, or a
/// `ray_log` of Raydium AMM v4.
///
/// # Errors
/// When the bytes are no event of the program that is known and whole.
pub fn decode(program: Program, bytes: &[u8]) -> Result<Payload, Undecoded> {
    Ok(match program {
        Program::Pump => Payload::Pump(pump::Event::decode(bytes)?),
        Program::Pumpswap => Payload::Pumpswap(pumpswap::Event::decode(bytes)?),
        Program::RaydiumAmmV4 => Payload::RaydiumAmmV4(raydium_amm_v4::Event::decode(bytes)?),
        Program::RaydiumCpmm => Payload::RaydiumCpmm(raydium_cpmm::Event::decode(bytes)?),
        Program::RaydiumClmm => Payload::RaydiumClmm(raydium_clmm::Event::decode(bytes)?),
        Program::RaydiumLaunchlab => Payload::RaydiumLaunchlab(raydium_launchlab::Event::decode(bytes)?),
        Program::MeteoraDbc => Payload::MeteoraDbc(meteora_dbc::Event::decode(bytes)?),
        Program::MeteoraDammV2 => Payload::MeteoraDammV2(meteora_damm_v2::Event::decode(bytes)?),
    })
}

/// Where an instruction of `program` keeps what its events leave out; none if it is not known.
#[must_use]
pub fn accounts(program: Program, data: &[u8], count: usize) -> Option<Accounts> {
    let table = match program {
        Program::Pump => pump::INSTRUCTIONS,
        Program::Pumpswap => pumpswap::INSTRUCTIONS,
        Program::RaydiumAmmV4 => return raydium_amm_v4::accounts(data, count),
        Program::RaydiumCpmm => raydium_cpmm::INSTRUCTIONS,
        Program::RaydiumClmm => raydium_clmm::INSTRUCTIONS,
        Program::RaydiumLaunchlab => raydium_launchlab::INSTRUCTIONS,
        Program::MeteoraDbc => meteora_dbc::INSTRUCTIONS,
        Program::MeteoraDammV2 => meteora_damm_v2::INSTRUCTIONS,
    };
    let discriminator = discriminator(data)?;
    table.iter().find(|known| known.discriminator == discriminator).map(|known| known.accounts)
}

/// The first eight bytes as they are written in hexadecimal.
fn discriminator(bytes: &[u8]) -> Option<u64> {
    bytes.first_chunk().map(|first| u64::from_be_bytes(*first))
}

/// Splits the discriminator off an event. Fewer than eight bytes are an unknown event, zero-filled.
fn split(bytes: &[u8]) -> (u64, &[u8]) {
    match bytes.split_first_chunk::<8>() {
        Some((first, rest)) => (u64::from_be_bytes(*first), rest),
        None => (bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)), &[]),
    }
}

/// Declares the events of an Anchor program: discriminator, variant, layout, name; and those it does not use.
macro_rules! events {
    (
        $(#[$meta:meta])*
        { $($(#[$variant_meta:meta])* $discriminator:literal $name:literal => $variant:ident $(($layout:ident))?,)* }
        ignored { $($ignored:literal $ignored_name:literal,)* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
        #[serde(untagged)]
        pub enum Event { $($(#[$variant_meta])* $variant($crate::programs::layout_of!($variant $($layout)?)),)* }

        impl Event {
            /// Discriminators of the events that are decoded.
            pub const DISCRIMINATORS: &[u64] = &[$($discriminator),*];

            /// Name of the event, as the program calls it.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)* }
            }

            /// Decodes discriminator and fields.
            ///
            /// # Errors
            /// When the bytes are no event that is known and whole.
            pub fn decode(bytes: &[u8]) -> Result<Self, $crate::programs::Undecoded> {
                use $crate::programs::Undecoded;
                let (discriminator, fields) = $crate::programs::split(bytes);
                match discriminator {
                    $($discriminator => <$crate::programs::layout_of!($variant $($layout)?)>::read(fields)
                        .map(Self::$variant)
                        .map_err(|missing| Undecoded::Short { event: $name, missing }),)*
                    $($ignored => Err(Undecoded::Ignored($ignored_name)),)*
                    unknown => Err(Undecoded::Unknown(unknown)),
                }
            }
        }
    };
}

/// The layout of an event: the one that is named, else the one that bears the variant's name.
macro_rules! layout_of {
    ($variant:ident) => {
        $variant
    };
    ($variant:ident $layout:ident) => {
        $layout
    };
}

use {events, layout_of};

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_same_discriminator_means_another_layout_in_another_program() {
        let mut bytes = 0xbddb_7fd3_4ee6_61ee_u64.to_be_bytes().to_vec();
        bytes.extend([0; 130]);
        assert_eq!(decode(Program::Pump, &bytes).unwrap().name(), "TradeEvent");
        assert!(matches!(decode(Program::RaydiumLaunchlab, &bytes), Ok(Payload::RaydiumLaunchlab(_))));
        assert!(matches!(decode(Program::Pumpswap, &bytes), Err(Undecoded::Unknown(_))));
    }

    #[test]
    fn bytes_that_are_too_few_are_named() {
        let error = decode(Program::Pump, &0xbddb_7fd3_4ee6_61ee_u64.to_be_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "TradeEvent: the bytes end before field `mint`");
        assert_eq!(decode(Program::Pump, &[1, 2]).unwrap_err(), Undecoded::Unknown(0x102));
    }

    /// Every discriminator that some program knows, so that random bytes reach the layouts.
    pub(crate) fn discriminators() -> Vec<u64> {
        let known = [
            pump::Event::DISCRIMINATORS,
            pumpswap::Event::DISCRIMINATORS,
            raydium_cpmm::Event::DISCRIMINATORS,
            raydium_clmm::Event::DISCRIMINATORS,
            raydium_launchlab::Event::DISCRIMINATORS,
            meteora_dbc::Event::DISCRIMINATORS,
            meteora_damm_v2::Event::DISCRIMINATORS,
        ];
        let all: std::collections::BTreeSet<u64> = known.into_iter().flatten().copied().collect();
        all.into_iter().collect()
    }

    #[test]
    fn every_program_that_has_discriminators_gives_them_to_the_tests() {
        // Raydium AMM v4 has a first byte instead.
        for program in Program::ALL.into_iter().filter(|program| *program != Program::RaydiumAmmV4) {
            let knows = |discriminator: &u64| {
                !matches!(
                    decode(program, &discriminator.to_be_bytes()),
                    Err(Undecoded::Unknown(_) | Undecoded::Ignored(_))
                )
            };
            assert!(discriminators().iter().any(knows), "{program}");
        }
        // The two that a list kept by hand had forgotten.
        for forgotten in [0xe5e7_5654_9c86_4b18, 0xe432_f655_cb42_8625] {
            assert!(discriminators().contains(&forgotten));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_give_an_event_or_an_error(
            program in prop::sample::select(&Program::ALL[..]),
            discriminator in prop::sample::select(discriminators()),
            fields in prop::collection::vec(any::<u8>(), 0..600),
        ) {
            let bytes: Vec<u8> = discriminator.to_be_bytes().into_iter().chain(fields.iter().copied()).collect();
            for bytes in [&bytes[..], &fields[..]] {
                if let Ok(payload) = decode(program, bytes) {
                    prop_assert!(!payload.name().is_empty());
                    prop_assert!(serde_json::to_value(&payload).is_ok_and(|v| v.is_object()));
                }
                let _ = accounts(program, bytes, fields.len());
            }
        }

        #[test]
        fn more_bytes_never_take_an_event_away(
            program in prop::sample::select(&Program::ALL[..]),
            discriminator in prop::sample::select(discriminators()),
            fields in prop::collection::vec(0u8..4, 0..500),
            more in prop::collection::vec(any::<u8>(), 1..40),
        ) {
            let short: Vec<u8> = discriminator.to_be_bytes().into_iter().chain(fields).collect();
            let long: Vec<u8> = short.iter().copied().chain(more).collect();
            prop_assert!(decode(program, &short).is_err() || decode(program, &long).is_ok());
        }
    }
}
