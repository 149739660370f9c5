//! In which quote token a token is counted: that of its primary pool.
//!
//! That is the pool it moved to, once that has traded; before, its bonding curve; for a token that was on
//! no curve, the pool in which it traded first. [`crate::primary`] follows the primary pool further, from
//! pool to pool, but only among pools with the same quote; so the quote needs less to be known, and the
//! choice costs nothing for each trade.

use model::{Address, EventId};
use serde::{Deserialize, Serialize};

/// A pool of the token.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Pool {
    address: Address,
    is_curve: bool,
    /// Its quote token, an index into the token's lanes.
    lane: u32,
    /// Its first trade; none if all that it had were taken back.
    first: Option<EventId>,
}

/// See the module.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Quotes {
    pools: Vec<Pool>,
    /// Where the token moved, in canonical order.
    moves: Vec<(EventId, Address)>,
}

impl Quotes {
    /// The index of a pool, which may be new.
    pub(super) fn pool(&mut self, address: Address, is_curve: bool, lane: u32) -> u32 {
        let known = self.pools.iter().position(|pool| pool.address == address);
        let at = known.unwrap_or_else(|| {
            self.pools.push(Pool { address, is_curve, lane, first: None });
            self.pools.len() - 1
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// Notes a trade in a pool.
    pub(super) fn note(&mut self, pool: u32, id: EventId) {
        if let Some(pool) = self.pools.get_mut(pool as usize) {
            pool.first = Some(pool.first.map_or(id, |first| first.min(id)));
        }
    }

    /// Notes that a trade in a pool was taken back; `first_left` tells the first that is left.
    pub(super) fn forget(&mut self, pool: u32, id: EventId, first_left: impl FnOnce() -> Option<EventId>) {
        if let Some(pool) = self.pools.get_mut(pool as usize).filter(|pool| pool.first == Some(id)) {
            pool.first = first_left();
        }
    }

    /// Notes that the token moved to a pool, or did not.
    pub(super) fn change_move(&mut self, id: EventId, to: Address, is_gain: bool) {
        match self.moves.binary_search(&(id, to)) {
            Err(at) if is_gain => self.moves.insert(at, (id, to)),
            Ok(at) if !is_gain => drop(self.moves.remove(at)),
            _ => {}
        }
    }

    /// The lane of the token's quote.
    pub(super) fn lane(&self) -> Option<usize> {
        let traded = || self.pools.iter().filter(|pool| pool.first.is_some());
        let target = self.moves.first().map(|(_, to)| *to);
        let moved_to = traded().find(|pool| Some(pool.address) == target);
        let curve = || traded().filter(|pool| pool.is_curve).min_by_key(|pool| pool.first);
        let first = || traded().min_by_key(|pool| pool.first);
        moved_to.or_else(curve).or_else(first).map(|pool| pool.lane as usize)
    }
}

#[cfg(test)]
mod tests {
    use model::TxPlace;

    use super::*;

    fn id(slot: u64) -> EventId {
        EventId { slot, tx: TxPlace::Index(0), outer_ix: 0, inner_ix: -1 }
    }

    const fn address(number: u8) -> Address {
        Address([number; 32])
    }

    /// A token with a pool in lane 0, a curve in lane 1 and a pool in lane 2, where it has not yet traded.
    fn quotes() -> (Quotes, [u32; 3]) {
        let mut quotes = Quotes::default();
        let pools = [0, 1, 2].map(|lane| quotes.pool(address(u8::try_from(lane).unwrap()), lane == 1, lane));
        quotes.note(pools[0], id(5));
        (quotes, pools)
    }

    #[test]
    fn a_token_without_a_curve_has_the_quote_of_its_first_trade() {
        let (mut quotes, pools) = quotes();
        quotes.note(pools[2], id(7));
        assert_eq!(quotes.lane(), Some(0));
        quotes.note(pools[2], id(3));
        assert_eq!(quotes.lane(), Some(2), "an earlier trade that comes late is the first");
        quotes.forget(pools[2], id(3), || Some(id(7)));
        assert_eq!(quotes.lane(), Some(0), "and is no more when it is taken back");
    }

    #[test]
    fn a_curve_comes_before_pools_and_the_pool_it_moved_to_before_the_curve() {
        let (mut quotes, pools) = quotes();
        quotes.note(pools[1], id(6));
        assert_eq!(quotes.lane(), Some(1));
        quotes.change_move(id(8), address(2), true);
        assert_eq!(quotes.lane(), Some(1), "nothing has traded there");
        quotes.note(pools[2], id(9));
        assert_eq!(quotes.lane(), Some(2));
        quotes.change_move(id(8), address(2), false);
        assert_eq!(quotes.lane(), Some(1), "a move that is taken back");
        quotes.forget(pools[1], id(6), || None);
        assert_eq!(quotes.lane(), Some(0));
    }
}
