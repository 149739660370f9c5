//! Insiders: who got tokens from the creator and never bought any.
//!
//! A transaction shows it whose trades do not explain its balances: the creator ends with less than its
//! trades leave it, and a wallet that did not trade ends with more. Only the launch is looked at, and one
//! step: what the first receiver hands on is not followed. Transactions without a trade bring no balances,
//! so a mere transfer is not seen.

use std::collections::BTreeSet;

use model::{Address, BalancesChanged, EventId, Seconds, Side};
use serde::{Deserialize, Serialize};

use super::input::Creation;
use super::launch::{LAUNCH_S, label};
use super::record::{Label, Reason};
use super::tape::{Tape, Tick};
use super::{LabelKind, accounts};

/// Changes of balances in a transaction that trades alone may not explain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Moved {
    /// The token.
    pub mint: Address,
    /// Canonical order.
    pub id: EventId,
    /// Block time.
    pub time: Seconds,
    /// Gain of each owner, raw units; by owner.
    pub gains: Vec<(Address, i128)>,
}

impl Moved {
    /// Nearly always a trader and a pool are all whose balances move: that shows nothing, and none.
    #[must_use]
    pub fn of(event: &BalancesChanged) -> Option<Self> {
        let mut gains: Vec<(Address, i128)> = Vec::new();
        for balance in &event.balances {
            let gain = i128::from(balance.after) - i128::from(balance.before);
            match gains.last_mut() {
                Some((owner, sum)) if *owner == balance.owner => *sum += gain,
                _ => gains.push((balance.owner, gain)),
            }
        }
        let (mint, id, time) = (event.mint, event.origin.id, event.origin.block_time);
        (gains.len() > 2).then_some(Self { mint, id, time, gains })
    }

    /// Who got tokens from the creator.
    pub(super) fn receivers<'a>(
        &'a self,
        creation: &'a Creation,
        tape: &'a Tape,
    ) -> impl Iterator<Item = Address> + 'a {
        let trades = || tape.slot(self.id.slot).filter(|tick| tick.id.tx == self.id.tx);
        let is_creator = |owner: &Address| creation.is_by(owner);
        let bought: i128 =
            trades().filter(|tick| tick.trader.as_ref().is_some_and(is_creator)).map(base).sum();
        let gained: i128 =
            self.gains.iter().filter(|(owner, _)| is_creator(owner)).map(|(_, gain)| gain).sum();
        let handed = bought - gained;
        let traders: BTreeSet<Option<Address>> = trades().map(|tick| tick.trader).collect();
        let receivers = self.gains.iter().filter(move |(owner, gain)| {
            handed > 0
                && *gain > 0
                && !creation.is_by(owner)
                && !traders.contains(&Some(*owner))
                && !tape.is_pool(owner)
                && accounts::known(owner).is_none()
        });
        receivers.map(|(owner, _)| *owner)
    }
}

/// Base bought, or less than nothing if sold.
fn base(tick: &Tick) -> i128 {
    match tick.side {
        Side::Buy => i128::from(tick.amounts.base),
        Side::Sell => -i128::from(tick.amounts.base),
    }
}

/// Everyone who got tokens from the creator in the launch that begins at `first`.
pub(super) fn insiders(first: &Tick, creation: &Creation, tape: &Tape, moves: &[Moved]) -> BTreeSet<Address> {
    moves.iter().filter(|moved| is_near(first, moved)).flat_map(|m| m.receivers(creation, tape)).collect()
}

/// The label of an insider: that of the first time it was given tokens, if it had not bought any.
pub(super) fn insider(
    first: &Tick,
    creation: &Creation,
    tape: &Tape,
    moves: &[Moved],
    wallet: &Address,
) -> Option<Label> {
    let near = moves.iter().filter(|moved| is_near(first, moved));
    let given = near.filter(|moved| moved.receivers(creation, tape).any(|owner| owner == *wallet));
    let moved = given.min_by_key(|moved| moved.id)?;
    let is_own = |tick: &&Tick| tick.trader.as_ref() == Some(wallet) && tick.side == Side::Buy;
    let has_bought = tape.iter().take_while(|tick| tick.id < moved.id).any(|tick| is_own(&tick));
    let evidence = vec![creation.id, moved.id];
    let label = label(&moved.mint, wallet, LabelKind::Insider, Reason::HandedOut, evidence, moved.time);
    (!has_bought).then_some(label)
}

const fn is_near(first: &Tick, moved: &Moved) -> bool {
    moved.time.abs_diff(first.time) <= LAUNCH_S
}
