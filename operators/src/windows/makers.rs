//! When each trader of a token last bought and last sold.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::hash::{Hash, Hasher};

use model::Side;

use super::Short;
use crate::bar::TraderKey;

/// A trader: two numbers, of which one is enough to hash. Two zeros are none; so begins only the address of
/// the system program, which does not trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Maker(u64, u64);

impl Maker {
    pub(super) const NONE: Self = Self(0, 0);

    pub(super) fn is_known(self) -> bool {
        self != Self::NONE
    }
}

impl Hash for Maker {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

impl From<Option<TraderKey>> for Maker {
    fn from(trader: Option<TraderKey>) -> Self {
        let number = trader.map_or(0, u128::from_be_bytes);
        #[expect(clippy::cast_possible_truncation, reason = "its two halves")]
        Self((number >> 64) as u64, number as u64)
    }
}

/// When a trader last bought and last sold; 0 if never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Last {
    pub(super) buy: Short,
    pub(super) sell: Short,
}

impl Last {
    pub(super) fn side(&mut self, side: Side) -> &mut Short {
        match side {
            Side::Buy => &mut self.buy,
            Side::Sell => &mut self.sell,
        }
    }

    pub(super) fn any(self) -> Short {
        self.buy.max(self.sell)
    }
}

/// See the module. Its order reaches no output: it is only looked up.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Makers(FxHashMap<Maker, Last>);

impl Makers {
    /// A trader's, to be changed.
    pub(super) fn entry(&mut self, maker: Maker) -> &mut Last {
        self.0.entry(maker).or_default()
    }

    pub(super) fn get(&self, maker: Maker) -> Last {
        self.0.get(&maker).copied().unwrap_or_default()
    }

    /// Lets go those who last traded up to `reach`, once they are more than the `left` others.
    pub(super) fn let_go(&mut self, reach: Short, left: u32) {
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        // Now and then, so that it costs little for each.
        if self.0.len() / 2 > left.saturating_add(8) {
            self.0.retain(|_, last| last.any() > reach);
            self.0.shrink_to(left.saturating_mul(2));
        }
    }
}
