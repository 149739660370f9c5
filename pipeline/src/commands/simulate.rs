//! `millrace simulate`: writes a simulated market to a file.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context as _, bail};
use clap::Args;
use sources::simulate::{Item, Market, json};

use crate::cli::Global;
use crate::console::Console;
use crate::failure::{Outcome, WithHint as _};
use crate::output::Output;
use crate::{settings, stop};

const EXAMPLES: &str = "\
Examples:
  millrace simulate --seconds 60 --out market.jsonl
  millrace simulate --seed 7 --seconds 3600 --rate 500 --out market.jsonl.zst
  millrace simulate --seconds 10 --out - | millrace decode -

The same seed and settings write the same bytes on every machine. Forks, duplicates and late
deliveries are settings of [source.simulate] in the configuration.";

/// Write a simulated market: transactions as getTransaction returns them, and slot updates
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Simulate {
    /// Seed of all chance
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
    seed: Option<i64>,
    /// How long the market runs, in seconds of block time; without it until Ctrl-C
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    seconds: Option<i64>,
    /// About how many trades land a second, once the market is warm
    #[arg(long, value_name = "TRADES_PER_S", value_parser = rate)]
    rate: Option<f64>,
    /// The file, packed if its name ends in .zst; `-` is standard output
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.001..=1e6).contains(&rate) => Ok(rate),
        _ => Err("expected a number from 0.001 to 1000000".to_owned()),
    }
}

impl Simulate {
    pub(crate) fn run(self, global: &Global, console: &Arc<Console>) -> anyhow::Result<Outcome> {
        let mut layers = settings::layers(global);
        if let Some(seed) = self.seed {
            layers = layers.flag("--seed", "source.simulate.seed", seed);
        }
        if let Some(seconds) = self.seconds {
            layers = layers.flag("--seconds", "source.simulate.seconds", seconds);
        }
        let mut params = settings::load(layers)?.config.source.simulate;
        if let Some(rate) = self.rate {
            params = params.with_trades_per_second(rate);
        }
        let mut market = Market::new(&params)?;
        let stop = stop::on_signal()?;
        let name = self.out.display().to_string();
        let mut out = Output::open(&self.out)
            .with_context(|| format!("cannot create {name}"))
            .hint("the folder must be there and be writable")?;
        let bar = console.progress("simulate");
        let mut items = Vec::new();
        let (mut transactions, mut more) = (0_u64, true);
        while more && !stop.load(Ordering::Relaxed) {
            more = market.next_slot(&mut items);
            for item in items.drain(..) {
                transactions += u64::from(matches!(item, Item::Transaction(_)));
                json::write_item(&item, &mut out).with_context(|| format!("cannot write {name}"))?;
            }
            bar.show(market.done_ratio(), format!("{transactions} transactions"));
        }
        out.finish().with_context(|| format!("cannot write {name}"))?;
        bar.finish();
        console.say(&format!("wrote {transactions} transactions to {name}"));
        if more && params.seconds.is_some() {
            bail!("interrupted: {name} ends before the market does");
        }
        Ok(Outcome::Done)
    }
}
