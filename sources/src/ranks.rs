//! Which of two tokens is the money.
//!
//! Every token has a rank from a list that may be configured, and of a pair the better rank is the quote
//! token. Of equal ranks the smaller address is base. Where neither has a rank, a token that was launched
//! on a curve is base, and a curve's own order holds; else nothing is known, and the smaller address is
//! called base so that it has a name.
//!
//! Source: DEFINITIONS §1, base and quote.

use model::Address;
use serde::{Deserialize, Serialize};

/// Tokens that others are paid in, the better ranks first; tokens of one rank stand together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct QuoteRanks(pub Vec<Vec<Address>>);

impl Default for QuoteRanks {
    /// Dollars and euros; SOL; what stands for SOL at stake, and for bitcoin and ether.
    fn default() -> Self {
        const FIAT: [Address; 7] = [
            Address::USDC,
            Address::USDT,
            Address::literal("USD1ttGY1N17NEEHLmELoaybftRBUSErhqYiQzvEmuB"), // USD1
            Address::literal("USDSwr9ApdHk5bvJKMjzff41FfuX8bSxdKcR81vTwcA"), // USDS
            Address::literal("2b1kV6DkPAnxd5ixfnxCpjxmKwqjjaYmCZfHsFu24GXo"), // PYUSD
            Address::literal("9zNQRsGLjNKwCUU5Gq5LR8beUCPzQMVMqKAi3SSZh54u"), // FDUSD
            Address::literal("HzwqbKZw8HxMN6bF2yFZNrht3c2iXXzpKcFu7uBEDKtr"), // EURC
        ];
        const COINS: [Address; 7] = [
            Address::literal("J1toso1uCk3RLmjorhTtrVwY9HJ7X8V9yYac6Y7kGCPn"), // JitoSOL
            Address::literal("mSoLzYCxHdYgdzU16g5QSh3i5K3z3KZK7ytfqcJm7So"),  // mSOL
            Address::literal("bSo13r4TkiE4KumL71LsHTPpL2euBYLFx6h9HP3piy1"),  // bSOL
            Address::literal("jupSoLaHXQiZZTSfEWMTRRgpnyFm8f6sZdosWBjx93v"),  // JupSOL
            Address::literal("5oVNBeEEQvYi1cX3ir8Dx5n1P7pdxydbGF2X4TxVusJm"), // INF
            Address::literal("3NZ9JMVBmGAqocybic2c7LQCJScmgsAZ6vQqTDzcqmJh"), // wBTC
            Address::literal("7vfCXTUXx5WJV5JADk17DUJ4ksgau7utNKj4b963voxs"), // wETH
        ];
        Self(vec![FIAT.to_vec(), vec![Address::WSOL], COINS.to_vec()])
    }
}

impl QuoteRanks {
    /// The rank of a token, 0 for the best; none if it is in no list.
    #[must_use]
    pub fn rank(&self, mint: &Address) -> Option<usize> {
        self.0.iter().position(|rank| rank.contains(mint))
    }

    /// What is wrong with the lists, each with the dotted key below this section.
    #[must_use]
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        let mut seen: Vec<&Address> = Vec::new();
        for (at, mint) in
            self.0.iter().enumerate().flat_map(|(at, rank)| rank.iter().map(move |mint| (at, mint)))
        {
            if seen.contains(&mint) {
                problems.push((at.to_string(), format!("{mint} stands twice: a token has one rank")));
            }
            seen.push(mint);
        }
        problems
    }

    /// The side of a pair that the ranks make the quote token; none if neither has a rank.
    pub(crate) fn quote_side(&self, mints: &[Address; 2]) -> Option<usize> {
        // Ranks count from the best, and none is the worst.
        let [first, second] = mints.map(|mint| self.rank(&mint).unwrap_or(usize::MAX));
        match first.cmp(&second) {
            std::cmp::Ordering::Less => Some(0),
            std::cmp::Ordering::Greater => Some(1),
            std::cmp::Ordering::Equal if first == usize::MAX => None,
            std::cmp::Ordering::Equal => Some(larger(mints)),
        }
    }
}

/// The side whose address is the larger.
pub(crate) fn larger(mints: &[Address; 2]) -> usize {
    usize::from(mints[0] <= mints[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_better_rank_is_the_money_and_of_equal_ones_the_larger_address() {
        let ranks = QuoteRanks::default();
        let [coin, other] = [[5; 32], [6; 32]].map(Address);
        let usd1 = Address::literal("USD1ttGY1N17NEEHLmELoaybftRBUSErhqYiQzvEmuB");
        let quote = |mints: [Address; 2]| ranks.quote_side(&mints).map(|side| mints[side]);
        for (pair, expected) in [
            ([coin, Address::WSOL], Some(Address::WSOL)),
            ([Address::WSOL, coin], Some(Address::WSOL)),
            ([Address::WSOL, Address::USDC], Some(Address::USDC)),
            ([coin, usd1], Some(usd1)),
            ([Address::USDC, Address::USDT], Some(Address::USDT)),
            ([Address::USDT, Address::USDC], Some(Address::USDT)),
            ([coin, other], None),
        ] {
            assert_eq!(quote(pair), expected, "{pair:?}");
        }
        let own = QuoteRanks(vec![vec![coin]]);
        assert_eq!(own.quote_side(&[coin, Address::USDC]), Some(0));
    }

    #[test]
    fn a_token_with_two_ranks_is_a_problem() {
        assert!(QuoteRanks::default().problems().is_empty());
        let twice = QuoteRanks(vec![vec![Address::USDC], vec![Address::WSOL, Address::USDC]]);
        let problems = twice.problems();
        assert_eq!((problems.len(), problems[0].0.as_str()), (1, "1"));
        assert!(problems[0].1.contains(&Address::USDC.to_string()), "{problems:?}");
    }
}
