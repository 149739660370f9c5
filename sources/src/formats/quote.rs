//! What an oracle said of a quote token, as one flat object: `{"symbol": "SOL", "usd": 151.2,
//! "publish_time": 1790000000, "source": "pyth"}`.
//!
//! The token is named by `mint` or by `symbol`; only the symbols of quote tokens are known, because any
//! other name belongs to whoever mints a token of it. `publish_time` is in seconds, as oracles give it.

use model::{Address, Price, PriceQuote, Seconds};

use super::FormatError;
use super::json::Json;
use super::node::Node;

/// The source of a quote that does not say who made it.
const UNNAMED: &str = "file";

/// True if the value is a quote and nothing else.
pub(super) fn is_quote(root: &Node<'_>) -> bool {
    root.has("usd") && root.has("publish_time")
}

/// Reads a quote.
pub(super) fn quote(root: &Node<'_>) -> Result<PriceQuote, FormatError> {
    Ok(PriceQuote {
        mint: mint(root)?,
        usd: usd(&root.field("usd"))?,
        publish_time: publish_time(&root.field("publish_time"))?,
        source: root.optional("source").map_or(Ok(UNNAMED), |node| node.text())?.to_owned(),
    })
}

fn mint(root: &Node<'_>) -> Result<Address, FormatError> {
    if let Some(mint) = root.optional("mint") {
        return mint.parsed();
    }
    let symbol = root.field("symbol");
    match symbol.value() {
        Json::Null => Err(root.error("names no token: `mint` or `symbol` is missing")),
        _ => match symbol.text()? {
            "SOL" | "WSOL" => Ok(Address::WSOL),
            "USDC" => Ok(Address::USDC),
            "USDT" => Ok(Address::USDT),
            other => {
                Err(symbol.error(format!("`{other}` is not SOL, USDC or USDT; name the token by `mint`")))
            }
        },
    }
}

fn usd(node: &Node<'_>) -> Result<Price, FormatError> {
    let Json::Number(number) = node.value() else { return Err(node.wrong("a number")) };
    number.as_f64().and_then(Price::new).ok_or_else(|| node.wrong("a price above zero"))
}

fn publish_time(node: &Node<'_>) -> Result<Seconds, FormatError> {
    /// Seconds of the year 5138, and milliseconds of 1973: no oracle speaks of either.
    const MOST: Seconds = 100_000_000_000;
    let time: Seconds = node.number()?;
    if time >= MOST {
        return Err(node.error(format!("{time} should be seconds since 1970, not milliseconds")));
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize as _;
    use serde_json::{Value, json};

    use crate::formats::{Feed, Form, Json, parse};
    use model::{Address, Price, PriceQuote};

    fn read(value: &Value) -> Result<PriceQuote, String> {
        let mut parsed = parse(&Json::deserialize(value).unwrap()).map_err(|error| error.to_string())?;
        assert_eq!(parsed.form, Form::Oracle);
        match parsed.items.remove(0) {
            Ok(Feed::Quote(quote)) => Ok(quote),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn a_token_is_named_by_its_mint_or_its_symbol() {
        let expected = PriceQuote {
            mint: Address::WSOL,
            usd: Price::new(151.25).unwrap(),
            publish_time: 1_790_000_000,
            source: "pyth".to_owned(),
        };
        let mut quote =
            json!({"symbol": "SOL", "usd": 151.25, "publish_time": 1_790_000_000, "source": "pyth"});
        assert_eq!(read(&quote), Ok(expected.clone()));
        quote["mint"] = json!(Address::WSOL.to_string());
        quote["symbol"] = Value::Null;
        assert_eq!(read(&quote), Ok(expected.clone()));
        quote["source"] = Value::Null;
        assert_eq!(read(&quote).unwrap().source, "file");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = |name: &str, value: Value| {
            let mut quote = json!({"symbol": "SOL", "usd": 151.25, "publish_time": 1_790_000_000});
            quote[name] = value;
            read(&quote).unwrap_err()
        };
        assert!(error("symbol", Value::Null).contains("`mint` or `symbol` is missing"));
        assert!(error("symbol", json!("BONK")).contains("`BONK` is not SOL, USDC or USDT"));
        assert!(error("mint", json!("SOL")).contains("mint"));
        assert!(error("usd", json!(0)).contains("a price above zero"));
        assert!(error("usd", json!("1")).contains("usd"));
        assert!(error("publish_time", json!(1_790_000_000_000_u64)).contains("not milliseconds"));
    }
}
