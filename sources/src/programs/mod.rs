//! The events of the known programs: from bytes to typed values, one file a program.
//!
//! Everything here is a pure function of the bytes, and any bytes at all give an event or an
//! [`Undecoded`], never a panic. A discriminator depends on an event's name only, so programs share
//! them: only the pair of program and discriminator says which layout the bytes have.
//!
//! Beside its events each program lists where its instructions keep the pool, the mints and the vaults,
//! because most events name a pool at best, and says in `NAME/normalize.rs` what its events are in the
//! vocabulary. A program is one row of the registry below, and one of [`model::Program`].

pub mod accounts;
pub mod meteora_damm_v2;
pub mod meteora_dbc;
pub mod pump;
pub mod pumpswap;
pub mod raydium_amm_v4;
pub mod raydium_clmm;
pub mod raydium_cpmm;
pub mod raydium_launchlab;

use model::{Address, ChainEvent, Program};
use serde::Serialize;

pub use accounts::{Accounts, Instruction};

use crate::decode::Named;
use crate::fields::Missing;
use crate::normalize::{Context, Refusal};
use crate::printed::Added;

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

/// Facts of a program's events beside their bytes. Each program implements it for its `Event`.
pub(crate) trait ProgramEvent {
    /// True if the program writes its events to the log alone: an instruction without one has lost it.
    const LOGS_ONLY: bool = false;

    /// Where an instruction keeps what its events leave out; none if the instruction is not known.
    fn accounts(data: &[u8], count: usize) -> Option<Accounts>;

    /// The event's own time in seconds, where it carries one.
    fn timestamp(&self) -> Option<i64> {
        None
    }

    /// The form in which the event tells its swap.
    fn form(&self) -> Form {
        Form::Only
    }

    /// Fields of the instruction that are printed beside the event's own; the event itself uses none of the names.
    fn added(&self, _named: &Named) -> Added {
        Added::default()
    }

    /// The event in the vocabulary.
    ///
    /// # Errors
    /// When the event names a pool whose tokens are not known.
    fn normalize(&self, at: &mut Context<'_>) -> Result<ChainEvent, Refusal>;
}

/// Whether a program tells one swap in two events, an old form for old readers and a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// There is no other form.
    Only,
    /// The old form of a swap in this pool.
    Old(Address),
    /// The new form of a swap in this pool.
    New(Address),
}

/// Makes of the rows `program => module` everything that depends on which programs there are.
macro_rules! registry {
    ($($(#[$meta:meta])* $program:ident => $module:ident,)*) => {
        /// A decoded event of one of the programs.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        #[serde(untagged)]
        pub enum Payload { $($(#[$meta])* $program($module::Event),)* }

        impl Payload {
            /// Name of the event, as the program calls it.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self { $(Self::$program(event) => event.name(),)* }
            }

            /// The event's own time in seconds, where it carries one.
            #[must_use]
            pub fn timestamp(&self) -> Option<i64> {
                match self { $(Self::$program(event) => event.timestamp(),)* }
            }

            pub(crate) fn form(&self) -> Form {
                match self { $(Self::$program(event) => event.form(),)* }
            }

            pub(crate) fn added(&self, named: &Named) -> Added {
                match self { $(Self::$program(event) => event.added(named),)* }
            }

            pub(crate) fn normalize(&self, at: &mut Context<'_>) -> Result<ChainEvent, Refusal> {
                match self { $(Self::$program(event) => event.normalize(at),)* }
            }
        }

        /// Decodes an event of `program`. The bytes are what the program wrote: discriminator and fields, or a
        /// `ray_log` of Raydium AMM v4.
        ///
        /// # Errors
        /// When the bytes are no event of the program that is known and whole.
        pub fn decode(program: Program, bytes: &[u8]) -> Result<Payload, Undecoded> {
            match program { $(Program::$program => $module::Event::decode(bytes).map(Payload::$program),)* }
        }

        /// Where an instruction of `program` keeps what its events leave out; none if it is not known.
        #[must_use]
        pub fn accounts(program: Program, data: &[u8], count: usize) -> Option<Accounts> {
            match program { $(Program::$program => $module::Event::accounts(data, count),)* }
        }

        /// Whether `program` writes its events to the log alone.
        pub(crate) const fn logs_only(program: Program) -> bool {
            match program { $(Program::$program => $module::Event::LOGS_ONLY,)* }
        }

        /// Discriminators of the events of `program` that are decoded; none if its events have none.
        #[cfg(test)]
        pub(crate) const fn discriminators(program: Program) -> &'static [u64] {
            match program { $(Program::$program => $module::Event::DISCRIMINATORS,)* }
        }
    };
}

registry! {
    /// An event of pump.fun.
    Pump => pump,
    /// An event of PumpSwap.
    Pumpswap => pumpswap,
    /// An event of Raydium AMM v4.
    RaydiumAmmV4 => raydium_amm_v4,
    /// An event of Raydium CPMM.
    RaydiumCpmm => raydium_cpmm,
    /// An event of Raydium CLMM.
    RaydiumClmm => raydium_clmm,
    /// An event of Raydium LaunchLab.
    RaydiumLaunchlab => raydium_launchlab,
    /// An event of Meteora DBC.
    MeteoraDbc => meteora_dbc,
    /// An event of Meteora DAMM v2.
    MeteoraDammV2 => meteora_damm_v2,
}

/// The accounts of the instruction that `data` begins, among those that a program lists.
fn listed(instructions: &[Instruction], data: &[u8]) -> Option<Accounts> {
    let discriminator = discriminator(data)?;
    instructions.iter().find(|known| known.discriminator == discriminator).map(|known| known.accounts)
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
    pub(crate) fn all_discriminators() -> Vec<u64> {
        let known = Program::ALL.into_iter().flat_map(discriminators).copied();
        known.collect::<std::collections::BTreeSet<u64>>().into_iter().collect()
    }

    #[test]
    fn every_listed_discriminator_is_decoded_by_its_program() {
        for program in Program::ALL {
            for discriminator in discriminators(program) {
                let outcome = decode(program, &discriminator.to_be_bytes());
                assert!(
                    !matches!(outcome, Err(Undecoded::Unknown(_) | Undecoded::Ignored(_))),
                    "{program}: {discriminator:016x}"
                );
            }
            // Raydium AMM v4 has a first byte instead.
            assert_eq!(discriminators(program).is_empty(), program == Program::RaydiumAmmV4);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_give_an_event_or_an_error(
            program in prop::sample::select(&Program::ALL[..]),
            discriminator in prop::sample::select(all_discriminators()),
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
            discriminator in prop::sample::select(all_discriminators()),
            fields in prop::collection::vec(0u8..4, 0..500),
            more in prop::collection::vec(any::<u8>(), 1..40),
        ) {
            let short: Vec<u8> = discriminator.to_be_bytes().into_iter().chain(fields).collect();
            let long: Vec<u8> = short.iter().copied().chain(more).collect();
            prop_assert!(decode(program, &short).is_err() || decode(program, &long).is_ok());
        }
    }
}
