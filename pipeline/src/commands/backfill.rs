//! `millrace backfill`: fetches a range of slots from a node's RPC into a raw archive.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use sources::archive::{self, Archive};
use sources::backfill::{self, Range};
use sources::rpc::{Endpoint, Rpc, RpcError};

use crate::console::{Console, Progress};
use crate::failure::{Outcome, WithHint as _};
use crate::stop;

const EXAMPLES: &str = "\
Examples:
  millrace backfill --slots 448000000..448000999 --rpc https://api.mainnet-beta.solana.com --out raw
  millrace backfill --since 30m --rpc-env RPC_URL --requests-per-s 25 --out raw
  millrace replay raw --out result

Fetches finalized blocks with getBlock, keeps the transactions of the known programs that did not fail,
and writes raw/<first>-<last>.jsonl.zst, a file for each thousand slots. A file is there only if every
slot of it was fetched or is proven empty by the parent link of a later block; other ranges are named,
and the exit code is 3. Files that are there are not fetched again: the same command goes on where it
was. A public node allows some four blocks a second.";

/// How often the bar moves.
const GLANCE: Duration = Duration::from_millis(200);
/// Open slots that are named.
const NAMED_MAX: usize = 5;

/// Fetch a range of slots from a node's RPC into a raw archive, which `replay` reads
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Backfill {
    /// First and last slot, both fetched: 448000000..448000999
    #[arg(long, value_name = "FIRST..LAST", value_parser = slots, required_unless_present = "since", conflicts_with = "since")]
    slots: Option<RangeInclusive<u64>>,
    /// From so long before the newest finalized slot up to that: 90s, 30m, 2h
    #[arg(long, value_name = "AGE", value_parser = age)]
    since: Option<u64>,
    #[command(flatten)]
    rpc: RpcOptions,
    /// The archive's folder
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Slots of a file
    #[arg(long, value_name = "N", default_value_t = archive::SLOTS_PER_FILE, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    slots_per_file: u64,
}

/// Which nodes are asked, and how often.
#[derive(Debug, Args)]
pub(crate) struct RpcOptions {
    /// URL of a node's RPC; given several times, they answer for one another
    #[arg(long = "rpc", value_name = "URL")]
    urls: Vec<String>,
    /// Environment variable that holds such a URL, so that a key in it stands in no shell history
    #[arg(long = "rpc-env", value_name = "NAME")]
    variables: Vec<String>,
    /// Requests a second to each, on average
    #[arg(long, value_name = "N", default_value_t = 4.0, value_parser = rate)]
    requests_per_s: f64,
    /// Requests to each at once, after a rest
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1000))]
    burst: u32,
    /// How long an answer is waited for, in seconds
    #[arg(long, value_name = "S", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout_s: u64,
}

pub(super) fn slots(text: &str) -> Result<RangeInclusive<u64>, String> {
    let parsed = text.split_once("..").map(|(first, last)| (first.trim().parse(), last.trim().parse()));
    match parsed {
        Some((Ok(first), Ok(last))) if first <= last => Ok(first..=last),
        _ => Err("expected two slots, the lesser first: 448000000..448000999".to_owned()),
    }
}

fn age(text: &str) -> Result<u64, String> {
    let (digits, unit) = text.split_at(text.len() - text.chars().next_back().map_or(0, char::len_utf8));
    let unit_s = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => 0,
    };
    match digits.parse::<u64>().ok().and_then(|count| count.checked_mul(unit_s)) {
        Some(age_s) if age_s > 0 => Ok(age_s),
        _ => Err("expected a number and a unit: 90s, 30m, 2h, 1d".to_owned()),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.01..=10_000.0).contains(&rate) => Ok(rate),
        _ => Err("expected a number from 0.01 to 10000".to_owned()),
    }
}

impl RpcOptions {
    /// The nodes, named by their order: a URL may hold a key and is never printed.
    pub(crate) fn open(&self) -> anyhow::Result<Rpc> {
        let mut urls = self.urls.clone();
        for name in &self.variables {
            let url =
                std::env::var(name).map_err(|_| anyhow!("the environment variable {name} is not set"))?;
            urls.push(url);
        }
        if urls.is_empty() {
            return Err(anyhow!("no node to ask")).hint("name one with --rpc URL or --rpc-env NAME");
        }
        let mut endpoints = Vec::new();
        for (at, url) in urls.into_iter().enumerate() {
            let name = format!("node {}", at + 1);
            if !url.starts_with("http://") && !url.starts_with("https://") {
                bail!("the URL of {name} must begin with http:// or https://");
            }
            let timeout = Duration::from_secs(self.timeout_s);
            let (requests_per_s, burst) = (self.requests_per_s, self.burst);
            endpoints.push(Endpoint { name, url, requests_per_s, burst, timeout });
        }
        Ok(Rpc::new(endpoints))
    }
}

/// The work done so far.
#[derive(Default)]
struct Done {
    files: u64,
    skipped: u64,
    blocks: u64,
    empty: u64,
    transactions: u64,
    /// Ranges that were not written.
    open: u64,
}

impl Backfill {
    pub(crate) fn run(self, console: &Arc<Console>) -> anyhow::Result<Outcome> {
        let (rpc, stop) = (self.rpc.open()?, stop::on_signal()?);
        let all = match (self.slots.clone(), self.since) {
            (Some(slots), _) => slots,
            (None, age_s) => {
                let newest = rpc.newest_slot(&stop).context("cannot find the newest slot")?;
                let first = backfill::since(&rpc, newest, age_s.unwrap_or(0), &stop);
                first.context("cannot find the first slot")?..=newest
            }
        };
        let archive = Archive::new(&self.out);
        let bar = console.progress("backfill");
        let mut done = Done::default();
        for slots in archive::cut(all.clone(), self.slots_per_file) {
            if archive.has(&slots) {
                done.skipped += 1;
                continue;
            }
            match fetch(&rpc, &slots, &all, &stop, &bar) {
                Ok(range) => done.keep(&range, &slots, &archive, console)?,
                Err(RpcError::Stopped) => break,
                Err(error) => {
                    let hint = "what is in place stays: the same command goes on where it was";
                    return Err(anyhow!(error).context(format!(
                        "cannot fetch slots {} to {}",
                        slots.start(),
                        slots.end()
                    )))
                    .hint(hint);
                }
            }
        }
        bar.finish();
        for (name, words) in rpc.out() {
            console.complain(&format!("{name} was asked no more: {words}"));
        }
        console.say(&done.farewell(&all, &self.out));
        Ok(Outcome::refused_if(done.open > 0))
    }
}

/// Fetches a range on a thread of its own, and moves the bar.
pub(super) fn fetch(
    rpc: &Rpc,
    slots: &RangeInclusive<u64>,
    all: &RangeInclusive<u64>,
    stop: &AtomicBool,
    bar: &Progress,
) -> Result<Range, RpcError> {
    let asked = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let work = || backfill::fetch(rpc, slots, stop, &asked);
        let fetching = std::thread::Builder::new().name("backfill".to_owned()).spawn_scoped(scope, work);
        let Ok(fetching) = fetching else { return work() };
        while !fetching.is_finished() {
            std::thread::park_timeout(GLANCE);
            let at = slots.start() - all.start() + asked.load(Ordering::Relaxed);
            #[expect(clippy::cast_precision_loss, reason = "a ratio for a bar")]
            let ratio = at as f64 / (all.end() - all.start() + 1) as f64;
            bar.show(Some(ratio), format!("slot {}", all.start() + at));
        }
        join(fetching)
    })
}

fn join(fetching: ScopedJoinHandle<'_, Result<Range, RpcError>>) -> Result<Range, RpcError> {
    fetching.join().unwrap_or_else(|_| Err(RpcError::AllOut("the thread that fetches panicked".to_owned())))
}

impl Done {
    fn keep(
        &mut self,
        range: &Range,
        slots: &RangeInclusive<u64>,
        archive: &Archive,
        console: &Console,
    ) -> anyhow::Result<()> {
        if !range.open.is_empty() {
            self.open += 1;
            let named: Vec<String> = range
                .open
                .iter()
                .take(NAMED_MAX)
                .map(|(slot, reason)| format!("slot {slot}: {reason}"))
                .collect();
            console.complain(&format!(
                "slots {} to {} are not written, {} of them are unproven; {}",
                slots.start(),
                slots.end(),
                range.open.len(),
                named.join("; ")
            ));
            return Ok(());
        }
        archive
            .write(slots, range.blocks.values().map(|block| &block.lines[..]))
            .with_context(|| format!("cannot write slots {} to {}", slots.start(), slots.end()))?;
        self.files += 1;
        self.blocks += range.blocks.len() as u64;
        self.empty += range.empty;
        self.transactions += range.blocks.values().map(|block| block.kept).sum::<u64>();
        Ok(())
    }

    fn farewell(&self, all: &RangeInclusive<u64>, out: &std::path::Path) -> String {
        let count = indicatif::HumanCount;
        format!(
            "slots {} to {}: {} files written ({} blocks with {} transactions of known programs, {} slots proven \
             empty), {} were there, {} left out\nlook at it: millrace replay {} --out result",
            all.start(),
            all.end(),
            count(self.files),
            count(self.blocks),
            count(self.transactions),
            count(self.empty),
            count(self.skipped),
            count(self.open),
            out.display(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_ages_are_read_and_refused_with_an_example() {
        assert_eq!(slots("5..9"), Ok(5..=9));
        assert!(slots("9..5").unwrap_err().contains("448000000..448000999"));
        assert!(slots("5").is_err() && slots("a..b").is_err());
        assert_eq!((age("90s"), age("30m"), age("2h")), (Ok(90), Ok(1_800), Ok(7_200)));
        assert!(age("2").is_err() && age("").is_err() && age("0s").is_err() && age("2 Stunden").is_err());
    }
}
