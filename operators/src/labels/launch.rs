//! Who was early: snipers and bundlers.
//!
//! A token is launched with its first trade on a bonding curve; a token of which no such trade was seen
//! was not seen to be launched. **Sniper**: bought within so many seconds or slots of it, and did not
//! create the token. **Bundler**: one of several wallets that bought in the launch slot, which is the slot
//! of the creation, or of the first trade if no creation was seen.
//!
//! The launch is over after a minute ([`LAUNCH_S`]): so many slots take no longer unless the chain halts.

use std::collections::BTreeSet;

use model::{Address, EventId, Seconds, Side};

use super::input::Creation;
use super::record::{Label, Reason, Subject};
use super::tape::{Tape, Tick};
use super::{LabelKind, Params};

/// No trade later than this after the first belongs to the launch, in seconds.
pub const LAUNCH_S: Seconds = 60;

/// The launch of a token.
pub(super) struct Launch<'a> {
    tape: &'a Tape,
    creation: Option<&'a Creation>,
    first: &'a Tick,
    params: &'a Params,
}

impl<'a> Launch<'a> {
    /// The launch that is on the tape; none if it is not.
    pub(super) fn find(tape: &'a Tape, creations: &'a [Creation], params: &'a Params) -> Option<Self> {
        let first = tape.first_on_curve()?;
        Some(Self { tape, creation: creations.iter().min_by_key(|creation| creation.id), first, params })
    }

    /// The first trade.
    pub(super) const fn first(&self) -> &'a Tick {
        self.first
    }

    fn slot(&self) -> u64 {
        self.creation.map_or(self.first.id.slot, |creation| creation.id.slot)
    }

    /// True if a trade by anyone could make a sniper.
    pub(super) fn is_early(&self, tick: &Tick) -> bool {
        let params = self.params;
        let slots = tick.id.slot.saturating_sub(self.first.id.slot);
        let seconds = tick.time.saturating_sub(self.first.time);
        tick.id >= self.first.id
            && seconds <= LAUNCH_S
            && (slots <= params.sniper_slots || seconds <= params.sniper_s)
    }

    /// True if the trade is in the launch slot.
    pub(super) fn is_first_slot(&self, tick: &Tick) -> bool {
        tick.id.slot == self.slot() && tick.time.abs_diff(self.first.time) <= LAUNCH_S
    }

    fn early_buys(&self) -> impl Iterator<Item = &'a Tick> {
        let near = self.tape.since(self.first.id).take_while(|tick| self.is_early(tick));
        near.filter(|tick| tick.side == Side::Buy)
    }

    fn first_slot_buys(&self) -> impl Iterator<Item = &'a Tick> {
        let of_slot = self.tape.slot(self.slot()).filter(|tick| self.is_first_slot(tick));
        of_slot.filter(|tick| tick.side == Side::Buy)
    }

    /// Everyone who bought early.
    pub(super) fn early_buyers(&self) -> BTreeSet<Address> {
        self.early_buys().filter_map(|tick| tick.trader).collect()
    }

    /// Everyone who bought in the launch slot.
    pub(super) fn first_slot_buyers(&self) -> BTreeSet<Address> {
        self.first_slot_buys().filter_map(|tick| tick.trader).collect()
    }

    /// The label of a sniper.
    pub(super) fn sniper(&self, mint: &Address, wallet: &Address) -> Option<Label> {
        if self.creation.is_some_and(|creation| creation.is_by(wallet)) {
            return None;
        }
        let buy = self.early_buys().find(|tick| tick.trader.as_ref() == Some(wallet))?;
        let reason = Reason::Sniped {
            slots: buy.id.slot.saturating_sub(self.first.id.slot),
            seconds: buy.time.saturating_sub(self.first.time),
        };
        let mut evidence = vec![self.first.id, buy.id];
        evidence.dedup();
        Some(label(mint, wallet, LabelKind::Sniper, reason, evidence, buy.time))
    }

    /// The label of a bundler.
    pub(super) fn bundler(&self, mint: &Address, wallet: &Address) -> Option<Label> {
        let buy = self.first_slot_buys().find(|tick| tick.trader.as_ref() == Some(wallet))?;
        let wallets = self.first_slot_buyers().len();
        if wallets < self.params.bundler_wallets {
            return None;
        }
        let reason = Reason::Bundled { wallets: u32::try_from(wallets).unwrap_or(u32::MAX) };
        Some(label(mint, wallet, LabelKind::Bundler, reason, vec![buy.id], buy.time))
    }
}

/// A label of a wallet in a token.
pub(super) fn label(
    mint: &Address,
    wallet: &Address,
    kind: LabelKind,
    reason: Reason,
    evidence: Vec<EventId>,
    valid_from: Seconds,
) -> Label {
    Label {
        subject: Subject::Holder { wallet: *wallet, mint: *mint },
        kind,
        mint: Some(*mint),
        wallet: Some(*wallet),
        reason,
        evidence,
        valid_from,
        quote_mint: None,
    }
}
