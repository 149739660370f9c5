//! `millrace audit`: holds recordings against a node's RPC.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use sources::archive;
use sources::audit::{Differences, Recorded, chain};
use sources::rpc::RpcError;

use super::backfill::{RpcOptions, fetch, slots};
use crate::console::Console;
use crate::failure::Outcome;
use crate::stop;

const EXAMPLES: &str = "\
Examples:
  millrace audit --slots 448000000..448000999 --rpc-env RPC_URL raw

Fetches the slots anew and compares, transaction by transaction, what the files hold: missing, extra, at
another index, at another time. Failed transactions and those of other programs are on neither side.
Exit code 4 if anything differs, 3 if slots could not be proven or lines could not be read.";

/// Compare recordings with what a node's RPC has
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Audit {
    /// First and last slot, both compared: 448000000..448000999
    #[arg(long, value_name = "FIRST..LAST", value_parser = slots)]
    slots: RangeInclusive<u64>,
    #[command(flatten)]
    rpc: RpcOptions,
    /// Recordings: files and folders
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

impl Audit {
    pub(crate) fn run(self, console: &Arc<Console>) -> anyhow::Result<Outcome> {
        let (rpc, stop) = (self.rpc.open()?, stop::on_signal()?);
        let recorded = Recorded::read(&self.paths, &self.slots);
        for (cursor, reason) in &recorded.unreadable {
            console.complain(&format!("{cursor}: {reason}"));
        }
        let bar = console.progress("audit");
        let (mut unproven, mut there) =
            (std::collections::BTreeMap::new(), std::collections::BTreeMap::new());
        for part in archive::cut(self.slots.clone(), archive::SLOTS_PER_FILE) {
            match fetch(&rpc, &part, &self.slots, &stop, &bar) {
                Ok(range) => {
                    there.extend(chain(&range, &part));
                    unproven.extend(range.open);
                }
                Err(RpcError::Stopped) => {
                    anyhow::bail!("stopped at slot {}: nothing was compared", part.start())
                }
                Err(error) => {
                    return Err(error)
                        .with_context(|| format!("cannot fetch slots {} to {}", part.start(), part.end()));
                }
            }
        }
        bar.finish();
        for (slot, reason) in &unproven {
            console.complain(&format!("slot {slot} is not compared: {reason}"));
        }
        let found = Differences::between(&recorded.held, &there, &unproven);
        console.say(&report(&found, &self.slots));
        let differs = found.kinds().iter().any(|(_, of)| !of.is_empty());
        Ok(if differs {
            Outcome::Different
        } else {
            Outcome::refused_if(!unproven.is_empty() || !recorded.unreadable.is_empty())
        })
    }
}

fn report(found: &Differences, slots: &RangeInclusive<u64>) -> String {
    let mut text = format!(
        "slots {} to {}: {} transactions of known programs on the chain",
        slots.start(),
        slots.end(),
        indicatif::HumanCount(found.compared)
    );
    for (kind, of) in found.kinds() {
        #[expect(clippy::cast_precision_loss, reason = "a share for people")]
        let percent = 100.0 * of.len() as f64 / found.compared.max(1) as f64;
        text.push_str(&format!("\n{kind}: {} ({percent:.2} %)", indicatif::HumanCount(of.len() as u64)));
        if let Some((slot, signature)) = of.first() {
            text.push_str(&format!(", the first in slot {slot}: {signature}"));
        }
    }
    text
}
