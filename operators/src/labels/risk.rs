//! The score `risk` of a token: a sum of points, each for one sign of danger.
//!
//! Itemised, so that whoever sees the score can see why. A sign that is not known gives no points.
//! The score does not tell one kind of marked volume from another: volume bought and sold back within
//! minutes, in sandwiches or in arbitrage is no demand, whichever it is.
//!
//! Source: DEFINITIONS §8.

use serde::{Deserialize, Serialize};

/// When a sign gives points, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// Wallets that bought in the launch slot, from which on they give points.
    pub bundlers_min: u32,
    /// Their points.
    pub bundlers_points: u32,
    /// Wallets that bought in the first moments, from which on they give points.
    pub snipers_min: u32,
    /// Their points.
    pub snipers_points: u32,
    /// Share of the supply that bundlers and snipers hold, in percent, from which on it gives points.
    pub early_held_pct_min: f64,
    /// Its points.
    pub early_held_points: u32,
    /// Share of the day's volume in trades that carry a mark, in percent, from which on it gives points.
    pub marked_pct_min: f64,
    /// Its points.
    pub marked_points: u32,
    /// Share of the supply that the ten largest holders hold, in percent, from which on it gives points.
    pub top10_pct_min: f64,
    /// Its points.
    pub top10_points: u32,
    /// Share of the supply that the creator holds, in percent, from which on it gives points.
    pub creator_held_pct_min: f64,
    /// Its points.
    pub creator_held_points: u32,
    /// Points if the creator has sold all.
    pub creator_sold_points: u32,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            bundlers_min: 4,
            bundlers_points: 15,
            snipers_min: 5,
            snipers_points: 10,
            early_held_pct_min: 10.0,
            early_held_points: 20,
            marked_pct_min: 20.0,
            marked_points: 15,
            top10_pct_min: 50.0,
            top10_points: 15,
            creator_held_pct_min: 10.0,
            creator_held_points: 10,
            creator_sold_points: 15,
        }
    }
}

impl Params {
    /// Problems of the values, each with its key among those of the labels.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, &'static str)> {
        let shares = [
            (self.early_held_pct_min, "risk.early_held_pct_min"),
            (self.marked_pct_min, "risk.marked_pct_min"),
            (self.top10_pct_min, "risk.top10_pct_min"),
            (self.creator_held_pct_min, "risk.creator_held_pct_min"),
        ];
        let wrong = shares.into_iter().filter(|(share, _)| !(0.0..=100.0).contains(share));
        wrong.map(|(_, key)| (key, "must be 0 to 100")).collect()
    }
}

/// Known facts of a token. None = not known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Signs {
    /// Wallets labelled as bundlers.
    pub bundlers: u32,
    /// Wallets labelled as snipers.
    pub snipers: u32,
    /// Share of the supply that bundlers hold, 0 to 100.
    pub bundlers_held_pct: Option<f64>,
    /// Share of the supply that snipers hold, 0 to 100.
    pub snipers_held_pct: Option<f64>,
    /// Share of the day's volume in trades that carry a mark, 0 to 100.
    pub marked_pct: Option<f64>,
    /// Share of the supply that the ten largest holders hold, 0 to 100.
    pub top10_pct: Option<f64>,
    /// Share of the supply that the creator holds, 0 to 100.
    pub creator_held_pct: Option<f64>,
    /// True if the creator held some and has sold it all.
    pub creator_sold: Option<bool>,
}

/// The names of the signs, in the order in which they are listed.
const SIGNS: [&str; 7] =
    ["bundlers", "snipers", "early_held", "marked", "top10", "creator_held", "creator_sold"];

/// The score of a token with the points of each sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Risk([u32; SIGNS.len()]);

impl Risk {
    /// The score that the signs give.
    ///
    /// Source: DEFINITIONS §8, `risk`.
    #[must_use]
    pub fn new(signs: &Signs, params: &Params) -> Self {
        let points = |is_there: bool, points| if is_there { points } else { 0 };
        let is_from = |value: Option<f64>, min: f64| value.is_some_and(|value| value >= min);
        // A wallet may be both: the larger share is the one that is surely there.
        let early = [signs.bundlers_held_pct, signs.snipers_held_pct].into_iter().flatten().reduce(f64::max);
        Self([
            points(signs.bundlers >= params.bundlers_min, params.bundlers_points),
            points(signs.snipers >= params.snipers_min, params.snipers_points),
            points(is_from(early, params.early_held_pct_min), params.early_held_points),
            points(is_from(signs.marked_pct, params.marked_pct_min), params.marked_points),
            points(is_from(signs.top10_pct, params.top10_pct_min), params.top10_points),
            points(is_from(signs.creator_held_pct, params.creator_held_pct_min), params.creator_held_points),
            points(signs.creator_sold == Some(true), params.creator_sold_points),
        ])
    }

    /// The score: the sum of the points. With the default points 0 to 100.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.0.iter().fold(0, |sum, points| sum.saturating_add(*points))
    }

    /// The signs that gave points, as `bundlers:15,marked:15`; empty if none did.
    #[must_use]
    pub fn spell(&self) -> String {
        let given = SIGNS.iter().zip(self.0).filter(|(_, points)| *points > 0);
        given.map(|(name, points)| format!("{name}:{points}")).collect::<Vec<_>>().join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_points_add_up_to_a_hundred() {
        let all = Signs {
            bundlers: 4,
            snipers: 5,
            bundlers_held_pct: Some(3.0),
            snipers_held_pct: Some(10.0),
            marked_pct: Some(20.0),
            top10_pct: Some(50.0),
            creator_held_pct: Some(10.0),
            creator_sold: Some(true),
        };
        assert_eq!(Risk::new(&all, &Params::default()).total(), 100);
    }

    #[test]
    fn what_is_not_known_and_what_is_below_its_bound_gives_nothing() {
        let params = Params::default();
        let none = Risk::new(&Signs::default(), &params);
        assert_eq!((none.total(), none.spell().as_str()), (0, ""));
        let signs = Signs {
            bundlers: 6,
            snipers: 4,
            marked_pct: Some(19.9),
            creator_sold: Some(true),
            ..Signs::default()
        };
        let some = Risk::new(&signs, &params);
        assert_eq!((some.total(), some.spell().as_str()), (30, "bundlers:15,creator_sold:15"));
    }
}
