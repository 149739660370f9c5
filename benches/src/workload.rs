//! The input.

use anyhow::Context as _;
use model::{ChainEvent, Event};
use operators::candles::Input;
use operators::keyed::Store;
use operators::prelude::Horizon;
use operators::prices;
use operators::series;
use operators::usd::ValuedTrade;
use sources::decoder::Decoder;
use sources::simulate::{Item, Market, Params};
use sources::transaction::Transaction;

/// `count` transactions of a market with many trades a second, without forks and duplicates.
pub(crate) fn transactions(count: usize) -> anyhow::Result<Vec<Transaction>> {
    let params = Params {
        seed: 7,
        fork_probability: 0.0,
        duplicate_ratio: 0.0,
        late_ratio: 0.0,
        ..Params::default().with_trades_per_second(2_000.0)
    };
    let mut market = Market::new(&params).context("the market")?;
    let (mut transactions, mut items) = (Vec::with_capacity(count), Vec::new());
    while transactions.len() < count {
        market.next_slot(&mut items);
        transactions.extend(items.drain(..).filter_map(|item| match item {
            Item::Transaction(tx) => Some(tx),
            Item::Slot(_) | Item::Quote(_) => None,
        }));
    }
    transactions.truncate(count);
    Ok(transactions)
}

/// The trades of transactions as candles take them, in canonical order.
pub(crate) fn ticks(transactions: &[Transaction], params: &dataflows::Params) -> Vec<Input> {
    let mut decoder = Decoder::new("bench");
    let (mut events, mut inputs) = (Vec::new(), Vec::new());
    for tx in transactions {
        decoder.events(tx, "bench", &mut events);
    }
    let mut pools =
        Store::<prices::Pool>::new((params.market.prices.clone(), Horizon(params.correction_horizon_s)));
    let candles = &params.market.candles;
    let of_series = series::Params { primary: candles.primary.clone(), remember_s: candles.remember_s };
    let mut tokens = Store::<series::Token>::new((of_series, Horizon(params.correction_horizon_s)));
    for event in events {
        match event {
            Event::Chain(ChainEvent::Trade(trade)) => {
                let time = model::time::start_of(trade.origin.block_time);
                pools.apply(time, trade.into(), 1);
                pools.close(|priced, diff| {
                    let valued = ValuedTrade { priced, usd: None };
                    tokens.apply(time, series::Input::Trade(valued), diff);
                });
            }
            Event::Chain(ChainEvent::Migrated(event)) => {
                let time = model::time::start_of(event.origin.block_time);
                let moved = series::Input::migration(&event);
                moved.into_iter().for_each(|moved| tokens.apply(time, moved, 1));
            }
            _ => {}
        }
        tokens.close(|output, diff| match output {
            series::Output::Trade(trade) if diff > 0 => inputs.push(Input::trade(&trade)),
            _ => {}
        });
    }
    inputs
}
