//! Captures of coins: the second form that the source `trades` reads.
//!
//! A document is one coin with what was seen of its pool in the minutes after graduation, on PumpSwap:
//! `{"mint": …, "pool": …, "supply": 1000000000.0, "swaps": [{"side": "buy", "sol": 0.4084,
//! "tokens": 591279.33, "ts": 1782611393, "trader": …, "sig": …}, …]}`. Amounts are whole coins, of which
//! SOL has nine decimals and the coin six; a price that a swap states is passed over and follows from the
//! amounts. All swaps of a coin count as its pool's: what a swap names besides (`src`, `progs`) is who
//! routed it.
//!
//! A capture knows neither slots nor places, and often no signature. So the second of a swap stands for
//! its slot, and its position among the coin's swaps of that second, as the capture lists them, for its
//! transaction; the leading bytes of the mint keep the coins of one second apart. The same capture always
//! gives the same ids; another capture of the same coin, begun within a second of it, does not.

use std::collections::BTreeMap;

use model::{Address, EventId, Fees, Origin, Program, Seconds, Side, Signature, Trade, TraderKind, TxPlace};
use serde::Deserialize;
use serde_json::Value;

/// Decimals of SOL, and of every coin that pump.fun has minted.
const SOL_DECIMALS: u8 = 9;
const COIN_DECIMALS: u8 = 6;

/// A coin as it is written.
#[derive(Debug, Deserialize)]
pub(crate) struct Coin {
    mint: Address,
    pool: Address,
    #[serde(default)]
    supply: Option<f64>,
    swaps: Vec<Value>,
}

#[derive(Debug, Deserialize)]
struct Swap {
    side: Side,
    sol: f64,
    tokens: f64,
    ts: Seconds,
    #[serde(default)]
    trader: Option<String>,
    #[serde(default)]
    sig: Option<Signature>,
}

impl Coin {
    /// The trades in the order of the capture, or what is wrong with one.
    pub(crate) fn trades(&self) -> Vec<Result<Trade, String>> {
        let mut seen: BTreeMap<Seconds, u16> = BTreeMap::new();
        let mut trade = |value: &Value| {
            let swap = Swap::deserialize(value).map_err(|error| error.to_string())?;
            let next = seen.entry(swap.ts).or_default();
            let position = *next;
            *next = next.checked_add(1).ok_or("is one of too many of its second")?;
            self.trade(&swap, position)
        };
        self.swaps.iter().map(&mut trade).collect()
    }

    fn trade(&self, swap: &Swap, position: u16) -> Result<Trade, String> {
        let amount = |name: &str, coins: f64, decimals: u8| {
            raw(coins, decimals).ok_or_else(|| format!("`{name}` is no amount of coins: {coins}"))
        };
        // Some captures hide who traded; a name that is no address is nobody's.
        let trader = swap.trader.as_deref().and_then(|text| text.parse().ok());
        let supply = self.supply.map(|supply| amount("supply", supply, COIN_DECIMALS)).transpose()?;
        let base_amount = amount("tokens", swap.tokens, COIN_DECIMALS)?;
        Ok(Trade {
            origin: self.origin(swap, position),
            program: Program::Pumpswap,
            pool: self.pool,
            mint: self.mint,
            quote_mint: Address::WSOL,
            quote_known: true,
            trader,
            trader_kind: if trader.is_some() { TraderKind::Owner } else { TraderKind::Unknown },
            side: swap.side,
            base_amount,
            base_user: base_amount,
            base_user_known: false,
            quote_amount: amount("sol", swap.sol, SOL_DECIMALS)?,
            quote_user: None,
            base_decimals: COIN_DECIMALS,
            quote_decimals: SOL_DECIMALS,
            spot_before: None,
            spot_after: None,
            base_reserve: None,
            quote_reserve: None,
            base_supply: supply,
            curve: None,
            fees: Fees::default(),
            compute_units: None,
            priority_fee: None,
        })
    }

    fn origin(&self, swap: &Swap, position: u16) -> Origin {
        let mut place = [0; 8];
        let (front, back) = place.split_at_mut(2);
        front.copy_from_slice(&position.to_be_bytes());
        back.copy_from_slice(&self.mint.0[..6]);
        let signature = swap.sig.unwrap_or_else(|| {
            // Duplicates are known by the signature: one that is missing is made of what is unique.
            let mut signature = Signature([0; 64]);
            signature.0[..8].copy_from_slice(&place);
            signature
        });
        let tx = TxPlace::Unknown(u64::from_be_bytes(place));
        Origin {
            id: EventId { slot: swap.ts, tx, outer_ix: position, inner_ix: -1 },
            signature,
            block_time: swap.ts,
            received_at: None,
        }
    }
}

/// Raw units of an amount of whole coins, which is written in decimal and so is not quite the float.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be within 2^53")]
fn raw(coins: f64, decimals: u8) -> Option<u64> {
    /// Floats are whole numbers, each of them, up to 2^53.
    const MOST: f64 = 9_007_199_254_740_992.0;
    let raw = (coins * 10f64.powi(decimals.into())).round();
    (0.0..=MOST).contains(&raw).then_some(raw as u64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn coin(swaps: &Value) -> Coin {
        let (mint, pool) = (Address([3; 32]).to_string(), Address([2; 32]).to_string());
        serde_json::from_value(
            json!({"mint": mint, "pool": pool, "supply": 1e9, "created": 7, "swaps": swaps}),
        )
        .unwrap()
    }

    fn swap() -> Value {
        json!({"price": 1e-9, "progs": [], "side": "sell", "sol": 0.4084, "src": "PUMP_AMM",
            "tokens": 591_279.33, "trader": Address([4; 32]).to_string(), "ts": 1_782_611_393})
    }

    #[test]
    fn amounts_are_raw_units_and_places_are_unique() {
        let mut signed = swap();
        signed["sig"] = json!(Signature([1; 64]).to_string());
        let mut later = swap();
        later["ts"] = json!(1_782_611_394);
        let trades = coin(&json!([swap(), signed, later, swap()])).trades();
        let trades: Vec<_> = trades.into_iter().map(Result::unwrap).collect();
        let first = &trades[0];
        assert_eq!((first.base_amount, first.quote_amount), (591_279_330_000, 408_400_000));
        assert_eq!((first.base_supply, first.side), (Some(1_000_000_000_000_000), Side::Sell));
        assert_eq!((first.trader, first.trader_kind), (Some(Address([4; 32])), TraderKind::Owner));
        let ids: Vec<_> = trades.iter().map(|trade| trade.origin.id.to_string()).collect();
        assert_eq!(
            ids,
            [
                "1782611393-s0000030303030303-0--1",
                "1782611393-s0001030303030303-1--1",
                "1782611394-s0000030303030303-0--1",
                "1782611393-s0002030303030303-2--1",
            ]
        );
        assert_eq!(trades[1].origin.signature, Signature([1; 64]));
        assert_eq!(TxPlace::new(None, &trades[3].origin.signature), trades[3].origin.id.tx);
    }

    #[test]
    fn every_amount_of_four_and_two_decimals_is_met_exactly() {
        for whole in [0, 1, 7, 2_999, 1_000_001, 8_999_999_999] {
            for part in [0, 1, 33, 99] {
                let coins: f64 = format!("{whole}.{part:02}").parse().unwrap();
                assert_eq!(raw(coins, 6), Some((whole * 100 + part) * 10_000), "{coins}");
            }
        }
        assert_eq!([raw(-1.0, 6), raw(f64::NAN, 6), raw(1e10, 9)], [None; 3]);
    }

    #[test]
    fn one_wrong_swap_leaves_the_others() {
        let wrong = |name: &str, value: Value| {
            let mut swap = swap();
            swap[name] = value;
            swap
        };
        let mut hidden = swap();
        hidden["trader"] = json!("RDCT-d4fb6b1f86");
        let swaps =
            json!([wrong("tokens", json!(-5)), wrong("sig", json!("1")), wrong("side", json!(null)), hidden]);
        let trades = coin(&swaps).trades();
        let errors: Vec<_> = trades.iter().filter_map(|trade| trade.as_ref().err()).collect();
        assert_eq!(errors.len(), 3, "{errors:?}");
        assert!(errors[0].contains("`tokens` is no amount of coins: -5"), "{errors:?}");
        let hidden = trades[3].as_ref().unwrap();
        assert_eq!((hidden.trader, hidden.trader_kind), (None, TraderKind::Unknown));
    }
}
