//! What trades were worth, by brute force: for every trade, scan every oracle price.

use dataflows::Params;
use model::{Event, Price, PriceQuote, Seconds};
use operators::prices::PricedTrade;
use operators::usd::{SourceName, UsdRate, ValuedTrade};

/// Every trade with its value.
pub(super) fn usd(priced: &[PricedTrade], events: &[Event], params: &Params) -> Vec<ValuedTrade> {
    let quotes = quotes(events);
    priced.iter().map(|t| ValuedTrade { priced: t.clone(), usd: rate(t, &quotes, params) }).collect()
}

/// The oracle prices, each with the second at which it came.
fn quotes(events: &[Event]) -> Vec<(Seconds, &PriceQuote)> {
    let mut clock = 0;
    let mut quotes = Vec::new();
    for event in events {
        clock = clock.max(event.clock().unwrap_or(0));
        if let Event::Quote(quote) = event {
            quotes.push((clock, quote));
        }
    }
    quotes
}

fn rate(priced: &PricedTrade, quotes: &[(Seconds, &PriceQuote)], params: &Params) -> Option<UsdRate> {
    let params = &params.market.usd;
    if !priced.trade.quote_known {
        return None;
    }
    let (mint, time) = (priced.trade.quote_mint, priced.trade.origin.block_time);
    let rate = |usd: Price, publish_time, source| {
        let nanos: u64 = format!("{:.0}", usd.get() * 1e9).parse().ok()?;
        Some(UsdRate { publish_time, source, nanos })
    };
    if let Some(peg) = params.pegs.get(&mint) {
        return rate(*peg, None, SourceName::new("peg"));
    }
    let settled_at = (time / 60 + 1) * 60 + params.correction_s;
    let in_reach = quotes.iter().filter(|(came, quote)| {
        quote.mint == mint
            && *came < settled_at
            && quote.publish_time <= time
            && quote.publish_time + params.age_s_max >= time
    });
    let last = in_reach.max_by(|(_, a), (_, b)| {
        let key = |quote: &PriceQuote| (quote.publish_time, quote.source.clone(), quote.usd);
        key(a).cmp(&key(b))
    });
    last.and_then(|(_, q)| rate(q.usd, Some(q.publish_time), SourceName::new(&q.source)))
}

/// The price, if it is of the clean series.
pub(super) fn clean_price(trade: &ValuedTrade) -> Option<Price> {
    let t = trade.trade();
    let is_dust = u128::from(t.base_amount) * 10_000 < 10u128.pow(t.base_decimals.into());
    let cents = trade.usd.map(|usd| {
        u128::from(t.quote_amount) * u128::from(usd.nanos) / 10u128.pow(t.quote_decimals.into()) / 10_000_000
    });
    trade.priced.price.filter(|_| trade.priced.price_ok && !is_dust && cents != Some(0))
}
