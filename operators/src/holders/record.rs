//! The records `holders` and `concentration`, and what the record `tokens` takes from them.

use model::{Address, Cadence, Record, Seconds, columns};
use serde::{Deserialize, Serialize};

use super::accounts::OwnerKind;

/// The supply of a token, raw units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Supply {
    /// Whole, as the program says it, with what was minted to the agent of a mayhem coin: burning by instruction has
    /// lowered it.
    pub total: u64,
    /// Holdings of burn addresses in the token.
    pub burnt: u64,
}

impl Supply {
    /// `amount` in percent of what is not burnt; none if everything is.
    #[must_use]
    pub fn share_pct(self, amount: u128) -> Option<f64> {
        percent(amount, self.total.saturating_sub(self.burnt).into())
    }

    /// `amount` in percent of the whole; none if that is nothing.
    #[must_use]
    pub fn total_pct(self, amount: u128) -> Option<f64> {
        percent(amount, self.total.into())
    }
}

/// `100 part / whole`, at most 100; none if the whole is zero. Balances that follow from trades count what was
/// passed on unseen twice, and so may add up to more than there is.
#[expect(clippy::cast_precision_loss, reason = "percentages are floats by definition")]
fn percent(part: u128, whole: u128) -> Option<f64> {
    (whole > 0).then(|| 100.0 * (part.min(whole) as f64 / whole as f64))
}

/// One of the largest owners of a token. Its leading fields are its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Holder {
    /// The token.
    pub mint: Address,
    /// The owner.
    pub owner: Address,
    /// Raw units.
    pub balance: u64,
    /// Supply of the token; none if nothing tells it.
    pub supply: Option<Supply>,
    /// 1 for the largest. Among equals the one with the least address comes first.
    pub rank: u32,
    /// Whose tokens they are.
    pub kind: OwnerKind,
    /// True if the balance follows from trades since the last balance that was told.
    pub is_from_trades: bool,
}

impl Record for Holder {
    columns! {
        self: "holders", "The largest owners of every token, brought up to date once a second.";
        cadence: Cadence::Seconds(5);
        let share = self.supply.filter(|_| self.kind != OwnerKind::Burn);
        key {
            mint: Address = self.mint, "The token.";
            owner: Address = self.owner, "Owner of the token accounts.";
        }
        balance: Amount = self.balance, "Sum over the owner's accounts, raw units.";
        share_pct: Float = share.and_then(|supply| supply.share_pct(self.balance.into())),
            "100 balance / (supply − burnt); null if the supply is not known, and of burn addresses.";
        rank: Count = self.rank, "1 for the largest balance of all owners, excluded ones too.";
        kind: Symbol = self.kind.name(),
            "wallet, creator; and excluded from the holders: protocol, pool, curve, burn.";
        basis: Symbol = if self.is_from_trades { "trades" } else { "balances" },
            "balances: as transactions told it; trades: some trade since then told none.";
    }
    type Key = (Address, Address);

    fn key(&self) -> Self::Key {
        (self.mint, self.owner)
    }
}

/// How the holdings of a token are spread. Kept as integers, from which the row is made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Concentration {
    /// The token.
    pub mint: Address,
    /// Number of holders.
    pub holders: u64,
    /// Number of owners, excluded ones too.
    pub holders_raw: u64,
    /// Sum over the holders, raw units.
    pub sum: u128,
    /// Σ i·x over their balances x in ascending order, i from 1.
    pub weighted: u128,
    /// Σ x² over their balances.
    pub squares: u128,
    /// Sum over the ten largest holders.
    pub top10: u128,
    /// Sum over the ten largest owners, excluded ones too.
    pub top10_raw: u128,
    /// Supply of the token; none if nothing tells it.
    pub supply: Option<Supply>,
    /// The least number of holders that hold more than half of what holders hold; none without holders.
    pub nakamoto: Option<u64>,
}

impl Concentration {
    /// Share of the ten largest holders in the supply that is not burnt, in percent.
    ///
    /// Source: DEFINITIONS §6, `top10_pct`.
    #[must_use]
    pub fn top10_pct(&self) -> Option<f64> {
        self.supply?.share_pct(self.top10)
    }

    /// Gini coefficient, 0 to 1; none without holders.
    ///
    /// Source: DEFINITIONS §6: `2Σ i·x_(i)/(nΣx) − (n+1)/n`, here as one division of integers.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a ratio is a float by definition")]
    pub fn gini(&self) -> Option<f64> {
        let count = u128::from(self.holders);
        let above = (2 * self.weighted).checked_sub((count + 1) * self.sum)?;
        (self.sum > 0).then(|| above as f64 / (count * self.sum) as f64)
    }

    /// Herfindahl-Hirschman index, 0 to 10,000; none without holders.
    ///
    /// Source: DEFINITIONS §6: `Σ (100·x_i/Σx)²`.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "an index is a float by definition")]
    pub fn hhi(&self) -> Option<f64> {
        // Beyond 64 bits, which no supply has, the squares would not be exact.
        let sum = u128::from(u64::try_from(self.sum).ok().filter(|sum| *sum > 0)?);
        Some(10_000.0 * (self.squares as f64 / (sum * sum) as f64))
    }
}

impl Record for Concentration {
    columns! {
        self: "concentration",
            "How the holdings of every token are spread, brought up to date once a second.";
        cadence: Cadence::Seconds(5);
        key {
            mint: Address = self.mint, "The token.";
        }
        holders: Count = self.holders,
            "Owners who hold any, without curves, pools, burn addresses and protocol accounts.";
        holders_raw: Count = self.holders_raw, "Owners who hold any, those included.";
        top10_pct: Float = self.top10_pct(),
            "What the ten largest holders hold, in percent of supply − burnt; null if that is not known.";
        top10_pct_raw: Float = self.supply.and_then(|supply| supply.total_pct(self.top10_raw)),
            "What the ten largest owners hold, excluded ones too, in percent of the whole supply.";
        gini: Float = self.gini(), "Gini coefficient of the holders, 0 to 1; null without any.";
        hhi: Float = self.hhi(), "Herfindahl-Hirschman index of the holders, up to 10,000.";
        nakamoto: Count = self.nakamoto,
            "Least number of holders who hold more than half of what holders hold.";
    }
    type Key = Address;

    fn key(&self) -> Self::Key {
        self.mint
    }
}

/// Wallets with one label, and what they hold together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Group {
    /// How many wallets carry the label.
    pub wallets: u32,
    /// Their holdings now, raw units.
    pub held: u128,
}

/// The part that the record `tokens` takes from the holders of a token.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Holdings {
    /// The token.
    pub mint: Address,
    /// Number of holders.
    pub holders: u64,
    /// Sum over the ten largest holders, raw units.
    pub top10: u128,
    /// Supply of the token; none if nothing tells it.
    pub supply: Option<Supply>,
    /// Holding of the creator; none if the creation is not known.
    pub creator: Option<CreatorHolding>,
    /// Wallets that bought in the first moments.
    pub snipers: Group,
    /// Wallets that bought together in the launch slot.
    pub bundlers: Group,
    /// Wallets that got tokens from the creator.
    pub insiders: Group,
}

/// Holdings of the creator of a token and of the signer of its creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CreatorHolding {
    /// Raw units.
    pub held: u128,
    /// True if that is nothing and was something once.
    pub has_sold: bool,
    /// If so, block time at which the last was gone.
    pub sold_at: Option<Seconds>,
}

impl Holdings {
    /// Share of the ten largest holders in the supply that is not burnt, in percent.
    ///
    /// Source: DEFINITIONS §6, `top10_pct`.
    #[must_use]
    pub fn top10_pct(&self) -> Option<f64> {
        self.supply?.share_pct(self.top10)
    }

    /// Share of the creator in the supply that is not burnt, in percent.
    ///
    /// Source: DEFINITIONS §6, `dev_hold_pct`.
    #[must_use]
    pub fn dev_hold_pct(&self) -> Option<f64> {
        self.supply?.share_pct(self.creator?.held)
    }

    /// Share of a group in the whole supply, in percent.
    ///
    /// Source: DEFINITIONS §8, `held_pct` now.
    #[must_use]
    pub fn held_pct(&self, group: Group) -> Option<f64> {
        self.supply?.total_pct(group.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(balances: &[u64], supply: u64) -> Concentration {
        let mut sorted: Vec<u128> = balances.iter().map(|x| u128::from(*x)).collect();
        sorted.sort_unstable();
        let sum: u128 = sorted.iter().sum();
        let largest = |count: usize| sorted.iter().rev().take(count).sum::<u128>();
        Concentration {
            mint: Address::ZERO,
            holders: sorted.len() as u64,
            holders_raw: sorted.len() as u64,
            sum,
            weighted: sorted.iter().zip(1..).map(|(x, i): (&u128, u128)| x * i).sum(),
            squares: sorted.iter().map(|x| x * x).sum(),
            top10: largest(10),
            top10_raw: largest(10),
            supply: Some(Supply { total: supply, burnt: 0 }),
            nakamoto: (1..=sorted.len()).find(|k| largest(*k) * 2 > sum).map(|k| k as u64),
        }
    }

    #[test]
    fn a_spread_worked_out_by_hand() {
        // 1, 1, 2: Σ i·x = 9, so G = 18/12 − 4/3 = 1/6; shares 25, 25, 50 % give 625 + 625 + 2500.
        let few = spread(&[1, 2, 1], 8);
        assert!((few.gini().unwrap() - 1.0 / 6.0).abs() < 1e-15);
        assert_eq!((few.hhi(), few.nakamoto, few.top10_pct()), (Some(3750.0), Some(2), Some(50.0)));
        // All alike: nothing is unequal.
        let alike = spread(&[5; 4], 20);
        assert_eq!((alike.gini(), alike.hhi(), alike.nakamoto), (Some(0.0), Some(2500.0), Some(3)));
    }

    #[test]
    fn nobody_has_no_spread_and_one_has_all() {
        let nobody = spread(&[], 10);
        assert_eq!((nobody.gini(), nobody.hhi(), nobody.nakamoto), (None, None, None));
        let one = spread(&[987_654_321_987_654_321], u64::MAX);
        assert_eq!((one.gini(), one.hhi(), one.nakamoto), (Some(0.0), Some(10_000.0), Some(1)));
    }

    #[test]
    fn the_ten_largest_of_a_supply_of_which_some_is_burnt() {
        let mut twelve = spread(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], 200);
        assert_eq!(twelve.top10_pct(), Some(37.5)); // 75 of 200
        twelve.supply = Some(Supply { total: 200, burnt: 50 });
        assert_eq!(twelve.top10_pct(), Some(50.0));
        twelve.supply = Some(Supply { total: 60, burnt: 0 });
        assert_eq!(twelve.top10_pct(), Some(100.0), "more was seen than there is");
        twelve.supply = Some(Supply { total: 200, burnt: 200 });
        assert_eq!(twelve.top10_pct(), None);
    }
}
