//! What one event of Hermes says: the prices of its feeds.

use std::collections::BTreeMap;

use model::{Address, Price, PriceQuote, Seconds};
use serde::Deserialize;
use serde_json::Value;

/// Who published the quotes.
const SOURCE: &str = "pyth";

/// The least and the greatest exponent that is believed; Pyth's are between −12 and 0.
const EXPONENTS: std::ops::RangeInclusive<i32> = -22..=22;

#[derive(Deserialize)]
struct Update {
    /// Absent where it was not asked for.
    parsed: Vec<Value>,
}

#[derive(Deserialize)]
struct Parsed {
    id: String,
    price: Published,
}

#[derive(Deserialize)]
struct Published {
    /// A whole number as text.
    price: String,
    expo: i32,
    publish_time: Seconds,
}

/// The quotes of an event, each of them or what is wrong with it.
pub(super) fn quotes(
    data: &str,
    mints: &BTreeMap<String, Address>,
) -> Result<Vec<Result<PriceQuote, String>>, String> {
    let update: Update = serde_json::from_str(data).map_err(|error| error.to_string())?;
    Ok(update.parsed.into_iter().map(|item| quote(item, mints)).collect())
}

fn quote(item: Value, mints: &BTreeMap<String, Address>) -> Result<PriceQuote, String> {
    let Parsed { id, price } = serde_json::from_value(item).map_err(|error| error.to_string())?;
    let mint = *mints.get(&super::digits(&id)).ok_or_else(|| format!("the feed {id} was not asked for"))?;
    let whole: i64 = price.price.parse().map_err(|_| format!("`{}` is no whole number", price.price))?;
    let usd = scaled(whole, price.expo)
        .ok_or_else(|| format!("{whole} × 10^{} is no price of a token", price.expo))?;
    Ok(PriceQuote { mint, usd, publish_time: price.publish_time, source: SOURCE.to_owned() })
}

/// `whole × 10^exponent`, the nearest float to the decimal number that was published.
#[expect(clippy::cast_precision_loss, reason = "prices are floats by definition")]
fn scaled(whole: i64, exponent: i32) -> Option<Price> {
    let whole = whole as f64;
    if !EXPONENTS.contains(&exponent) {
        return None;
    }
    Price::new(if exponent < 0 { whole / 10f64.powi(-exponent) } else { whole * 10f64.powi(exponent) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "ef0d8b6fda2ceba41da15d4095d1da392a0d2f8ed0c6c7bc0f4cfac8c280b56d";

    fn read(data: &str) -> Result<Vec<Result<PriceQuote, String>>, String> {
        quotes(data, &BTreeMap::from([(ID.to_owned(), Address::WSOL)]))
    }

    fn item(price: &str, expo: i32) -> Value {
        json!({"id": ID, "price": {"price": price, "conf": "6100000", "expo": expo, "publish_time": 1_717_632_000},
            "ema_price": {"price": "16880000000", "conf": "7500000", "expo": -8, "publish_time": 1_717_632_000},
            "metadata": {"slot": 144_400_101, "proof_available_time": 1_717_632_002,
                "prev_publish_time": 1_717_631_999}})
    }

    fn update(items: &[Value]) -> String {
        json!({"binary": {"encoding": "base64", "data": ["UE5BVQEAAAAAuA=="]}, "parsed": items}).to_string()
    }

    #[test]
    fn a_price_is_its_whole_number_times_a_power_of_ten() {
        for (price, expo, usd) in
            [("17012345678", -8, 170.123_456_78), ("1", 0, 1.0), ("25", 2, 2_500.0), ("99990000", -8, 0.9999)]
        {
            let expected = PriceQuote {
                mint: Address::WSOL,
                usd: Price::new(usd).unwrap(),
                publish_time: 1_717_632_000,
                source: "pyth".to_owned(),
            };
            assert_eq!(read(&update(&[item(price, expo)])), Ok(vec![Ok(expected)]));
        }
    }

    #[test]
    fn one_wrong_item_leaves_the_others() {
        let mut other = item("5", -8);
        other["id"] = json!("00".repeat(32));
        let items =
            [item("-5", -8), item("5.5", -8), item("5", -99), other, json!({"id": ID}), item("5", -8)];
        let read = read(&update(&items)).unwrap();
        let errors: Vec<_> = read.iter().filter_map(|item| item.as_ref().err()).collect();
        let expected =
            ["-5 × 10^-8 is no price", "`5.5` is no whole number", "10^-99", "was not asked for", "`price`"];
        assert_eq!(errors.len(), expected.len(), "{errors:?}");
        assert!(errors.iter().zip(expected).all(|(error, part)| error.contains(part)), "{errors:?}");
        assert!(read[5].is_ok());
    }

    #[test]
    fn what_is_no_update_is_an_error() {
        for data in ["", "{", "[]", "{\"parsed\":null}", "{\"binary\":{}}"] {
            assert!(read(data).is_err(), "{data}");
        }
    }
}
