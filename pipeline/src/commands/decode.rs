//! `millrace decode`: what recorded transactions hold.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use sources::decode::decode;
use sources::formats::Feed;
use sources::programs::Undecoded;
use sources::transaction::Transaction;
use sources::transactions::Recording;

use crate::console::Console;
use crate::failure::Outcome;
use crate::output::Output;
use crate::source;

const EXAMPLES: &str = "\
Examples:
  millrace decode tx.json
  millrace decode recordings/ | jq 'select(.event == \"TradeEvent\")'
  curl … | millrace decode -

Reads what getTransaction and getBlock return and what Yellowstone clients print: documents or
JSON Lines, plain or .zst. Amounts are raw units. What cannot be read is named on standard error
with file, line and reason, the rest is decoded, and the exit code is 3.";

/// Print the events of recorded transactions, one JSON object a line
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Decode {
    /// Files, folders (read with what is in them), or `-` for standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Also print what failed transactions tried; `failed` is true in these events
    #[arg(long)]
    failed: bool,
}

impl Decode {
    pub(crate) fn run(self, console: &Arc<Console>) -> anyhow::Result<Outcome> {
        for folder in source::check_paths(&self.paths)? {
            console
                .complain(&format!("{}: an empty folder: there is nothing to read in it", folder.display()));
        }
        let mut printer = Printer {
            with_failed: self.failed,
            console,
            out: Output::standard(),
            not_shown: BTreeMap::new(),
            refused: false,
        };
        for item in Recording::new(&self.paths) {
            match item.feed {
                Ok(Feed::Transaction(tx)) => printer.print(&tx, &item.cursor)?,
                Ok(Feed::Slot(_) | Feed::Quote(_)) => {}
                Ok(Feed::Ignored(kind)) => printer.pass_over(format!("message of kind {kind}")),
                Err(reason) => printer.refuse(&item.cursor, &reason),
            }
        }
        printer.finish()
    }
}

struct Printer<'a> {
    with_failed: bool,
    console: &'a Console,
    out: Output,
    /// How many of what was read and not printed.
    not_shown: BTreeMap<String, u64>,
    refused: bool,
}

impl Printer<'_> {
    fn print(&mut self, tx: &Transaction, cursor: &str) -> anyhow::Result<()> {
        if tx.error.is_some() && !self.with_failed {
            self.pass_over("failed transaction (--failed prints them)".to_owned());
            return Ok(());
        }
        let decoding = decode(tx);
        for event in &decoding.events {
            serde_json::to_writer(&mut self.out, event).map_err(std::io::Error::from).context(STDOUT)?;
            self.out.write_all(b"\n").context(STDOUT)?;
        }
        for refused in &decoding.refused {
            let program = refused.program;
            match refused.why {
                Undecoded::Unknown(discriminator) => {
                    self.pass_over(format!("unknown event {discriminator:016x} of {program}"));
                }
                Undecoded::Ignored(name) => self.pass_over(format!("{name} of {program}")),
                Undecoded::Short { .. } => {
                    let place =
                        refused.place.map_or_else(String::new, |at| format!("#{}.{}", at.outer, at.inner));
                    self.refuse(&format!("{cursor}{place}"), &format!("{program} {}", refused.why));
                }
            }
        }
        for (program, place) in &decoding.lost {
            let place = format!("{cursor}#{}.{}", place.outer, place.inner);
            self.refuse(&place, &format!("the log was cut off before what {program} wrote"));
        }
        if decoding.unreadable > 0 {
            self.refuse(cursor, &format!("{} log lines that should hold bytes do not", decoding.unreadable));
        }
        Ok(())
    }

    fn pass_over(&mut self, what: String) {
        *self.not_shown.entry(what).or_default() += 1;
    }

    fn refuse(&mut self, cursor: &str, reason: &str) {
        self.refused = true;
        self.console.complain(&format!("{cursor}: {reason}"));
    }

    fn finish(self) -> anyhow::Result<Outcome> {
        self.out.finish().context(STDOUT)?;
        if !self.not_shown.is_empty() {
            let each: Vec<_> = self.not_shown.iter().map(|(what, count)| format!("{count} {what}")).collect();
            self.console.say(&format!("not printed: {}", each.join(", ")));
        }
        Ok(Outcome::refused_if(self.refused))
    }
}

const STDOUT: &str = "cannot write to standard output";
