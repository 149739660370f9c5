//! The largest owners of one token.
//!
//! A short sorted list of everyone above a floor. The list is twice to four times as long as the shown part of
//! it, so that owners who sell leave it many times before all owners must be looked through for the next
//! ones.

use std::cmp::Reverse;

use model::Address;
use serde::{Deserialize, Serialize};

use super::accounts::OwnerKind;

/// An owner and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) owner: Address,
    /// Raw units.
    pub(super) balance: u64,
    pub(super) kind: OwnerKind,
    /// True if the balance follows from trades alone.
    pub(super) is_from_trades: bool,
}

/// By what owners are ranked: of equals the least address comes first.
type Standing = (u64, Reverse<Address>);

impl Place {
    const fn standing(&self) -> Standing {
        (self.balance, Reverse(self.owner))
    }
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Top {
    /// The largest first.
    places: Vec<Place>,
    /// Everyone from here up is in the list; none if everyone is.
    floor: Option<Standing>,
}

impl Top {
    /// The largest `count`, the largest first.
    pub(super) fn largest(&self, count: usize) -> &[Place] {
        self.places.get(..count).unwrap_or(&self.places)
    }

    pub(super) fn insert(&mut self, place: Place, keep: usize) {
        if self.floor.is_some_and(|floor| place.standing() < floor) {
            return;
        }
        let at = self.places.partition_point(|other| other.standing() > place.standing());
        self.places.insert(at, place);
        if self.places.len() > keep * 4 {
            self.cut(keep * 2);
        }
    }

    /// Takes an owner out who holds `balance`.
    pub(super) fn remove(&mut self, owner: &Address, balance: u64) {
        let standing = (balance, Reverse(*owner));
        let at = self.places.partition_point(|other| other.standing() > standing);
        if self.places.get(at).is_some_and(|place| place.standing() == standing) {
            self.places.remove(at);
        }
    }

    /// Makes the list long enough to show `keep` of all owners, of whom there are `count`.
    pub(super) fn fill(&mut self, keep: usize, count: usize, all: impl Iterator<Item = Place>) {
        if self.floor.is_none() || self.places.len() >= keep.min(count) {
            return;
        }
        self.floor = None;
        self.places = all.collect();
        self.places.sort_unstable_by_key(|place| Reverse(place.standing()));
        if self.places.len() > keep * 2 {
            self.cut(keep * 2);
            self.places.shrink_to_fit();
        }
    }

    fn cut(&mut self, count: usize) {
        self.places.truncate(count);
        self.floor = self.places.last().map(Place::standing);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn place(owner: u8, balance: u64) -> Place {
        Place { owner: Address([owner; 32]), balance, kind: OwnerKind::Wallet, is_from_trades: false }
    }

    #[test]
    fn the_largest_are_found_whatever_came_and_went() {
        let (mut top, mut all, mut random) = (Top::default(), BTreeMap::new(), 3u64);
        let (keep, mut fills) = (4, 0);
        for step in 0..4_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let owner = u8::try_from((random >> 33) % 60).unwrap();
            if let Some(balance) = all.remove(&owner) {
                top.remove(&Address([owner; 32]), balance);
            }
            // Few amounts, so that many are equal; and by turns nearly all sell.
            let balance = (random >> 45) % if step / 100 % 2 == 0 { 30 } else { 3 };
            if balance > 0 {
                all.insert(owner, balance);
                top.insert(place(owner, balance), keep);
            }
            let before = top.clone();
            top.fill(keep, all.len(), all.iter().map(|(owner, balance)| place(*owner, *balance)));
            fills += usize::from(before != top);
            let mut expected: Vec<Place> = all.iter().map(|(o, b)| place(*o, *b)).collect();
            expected.sort_by_key(|place| (Reverse(place.balance), place.owner));
            expected.truncate(keep);
            assert_eq!(top.largest(keep), expected);
            assert!(top.places.len() <= keep * 4);
        }
        assert!(fills > 10 && fills < 800, "{fills} of 4000");
    }
}
