//! The periods that figures are of: from a whole hour, or a midnight (UTC), up to now.

use model::Seconds;
use serde::{Deserialize, Serialize};

use super::pane::{DAY_H, hour_of};

/// A period that ends now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Period {
    /// `1d`.
    Day,
    /// `7d`.
    Days7,
    /// `30d`.
    Days30,
    /// `90d`.
    Days90,
    /// `180d`, of wallets that are rated only.
    Days180,
    /// `all`.
    All,
}

impl Period {
    /// The periods of figures, the shortest first.
    pub const ALL: [Self; 5] = [Self::Day, Self::Days7, Self::Days30, Self::Days90, Self::All];

    /// The periods by which wallets are rated, the shortest first.
    pub const TIERS: [Self; 4] = [Self::Days30, Self::Days90, Self::Days180, Self::All];

    /// Name in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "1d",
            Self::Days7 => "7d",
            Self::Days30 => "30d",
            Self::Days90 => "90d",
            Self::Days180 => "180d",
            Self::All => "all",
        }
    }

    const fn days(self) -> Option<u64> {
        match self {
            Self::Day => Some(1),
            Self::Days7 => Some(7),
            Self::Days30 => Some(30),
            Self::Days90 => Some(90),
            Self::Days180 => Some(180),
            Self::All => None,
        }
    }

    /// The first hour of the period that ends at `now`: of a day the hour in which it begins, of longer
    /// ones that of the day in which they begin.
    #[must_use]
    pub fn first_hour(self, now: Seconds) -> u64 {
        let hour = hour_of(now);
        match self.days() {
            None => 0,
            Some(1) => hour.saturating_sub(DAY_H),
            Some(days) => (hour / DAY_H).saturating_sub(days) * DAY_H,
        }
    }

    /// When the pane that begins at `hour` is no longer of the period; never, of `all`.
    #[must_use]
    pub fn leaves_at(self, hour: u64) -> Option<Seconds> {
        let hour = match self.days()? {
            1 => hour + DAY_H + 1,
            days => (hour / DAY_H + days + 1) * DAY_H,
        };
        Some(hour * 3600)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2023-11-14 22:13:20 UTC.
    const NOW: Seconds = 1_700_000_000;

    #[test]
    fn a_pane_is_of_a_period_until_it_leaves() {
        for period in Period::ALL {
            for hour in (0..3000).map(|back| hour_of(NOW) - back) {
                let is_in = hour >= period.first_hour(NOW);
                assert_eq!(is_in, period.leaves_at(hour).is_none_or(|at| at > NOW), "{period:?} {hour}");
            }
        }
        assert_eq!(Period::Day.first_hour(NOW), hour_of(NOW) - 24);
        assert_eq!(Period::Days7.first_hour(NOW) * 3600, 1_699_315_200, "a midnight");
    }
}
