//! The outputs that stand for one token, and how they differ from those that are due now.

use model::Address;
use serde::{Deserialize, Serialize};

use super::record::{Concentration, Holder, Holdings, Supply};
use super::top::Place;
use super::{Output, Token};
use crate::keyed::Effects;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Shown {
    /// The largest first.
    pub(super) largest: Vec<Place>,
    pub(super) concentration: Concentration,
    pub(super) holdings: Holdings,
}

impl Shown {
    fn holder(&self, mint: Address, at: usize) -> Option<Holder> {
        let place = self.largest.get(at)?;
        Some(Holder {
            mint,
            owner: place.owner,
            balance: place.balance,
            supply: self.concentration.supply,
            rank: u32::try_from(at).unwrap_or(u32::MAX).saturating_add(1),
            kind: place.kind,
            is_from_trades: place.is_from_trades,
        })
    }

    fn supply(&self) -> Option<Supply> {
        self.concentration.supply
    }
}

/// Emits what becomes of the rows of `mint`, of each that differs `-old +new`.
pub(super) fn emit(
    mint: Address,
    old: Option<&Shown>,
    new: Option<&Shown>,
    effects: &mut Effects<'_, Token>,
) {
    for (shown, diff) in [(old, -1), (new, 1)] {
        let Some(shown) = shown else { continue };
        let other = if diff < 0 { new } else { old };
        let is_alike = |at: usize| {
            other.is_some_and(|other| {
                other.supply() == shown.supply() && other.largest.get(at) == shown.largest.get(at)
            })
        };
        for at in (0..shown.largest.len()).filter(|at| !is_alike(*at)) {
            if let Some(holder) = shown.holder(mint, at) {
                effects.emit(Output::Holder(holder), diff);
            }
        }
        if other.is_none_or(|other| other.concentration != shown.concentration) {
            effects.emit(Output::Concentration(shown.concentration.clone()), diff);
        }
        if other.is_none_or(|other| other.holdings != shown.holdings) {
            effects.emit(Output::Holdings(shown.holdings.clone()), diff);
        }
    }
}
