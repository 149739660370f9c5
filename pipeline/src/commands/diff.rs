//! `millrace diff`: do two runs agree?

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use sinks::snapshot::{ColumnDiff, DiffReport, RecordDiff, RowDiff, diff};

use crate::failure::{Outcome, WithHint as _};

const EXAMPLES: &str = "\
Examples:
  millrace diff result-a result-b          two replays
  millrace diff millrace.db result         a live run and a replay of the same events

Compared is what stands at the end, row by row, in every column but `as_of` and `received_at`.
Exit code 4 if anything differs.";

/// Differences shown of each record, unless asked for more.
const LIMIT: usize = 5;

/// Compare the results of two runs
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Diff {
    /// A folder that `replay` wrote, or a database that `run` wrote
    a: PathBuf,
    /// The other one
    b: PathBuf,
    /// How many differences to show of each record
    #[arg(long, value_name = "N", default_value_t = LIMIT)]
    limit: usize,
}

impl Diff {
    pub(crate) fn run(self) -> anyhow::Result<Outcome> {
        let report =
            diff(&self.a, &self.b, self.limit).hint("name two folders of `replay`, or databases of `run`")?;
        let mut out = io::stdout().lock();
        write_report(&report, &mut out)
            .and_then(|()| out.flush())
            .context("cannot write to standard output")?;
        Ok(if report.is_same() { Outcome::Done } else { Outcome::Different })
    }
}

fn write_report(report: &DiffReport, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{:<16} {:>12} {:>12} {:>12} {:>12} {:>12}",
        "record", "rows in A", "rows in B", "only in A", "only in B", "different"
    )?;
    for RecordDiff { record, rows_a, rows_b, only_a, only_b, different, .. } in &report.records {
        writeln!(out, "{record:<16} {rows_a:>12} {rows_b:>12} {only_a:>12} {only_b:>12} {different:>12}")?;
    }
    if report.is_same() {
        return writeln!(out, "\nno differences");
    }
    for record in report.records.iter().filter(|record| !record.samples.is_empty()) {
        writeln!(out, "\n{}", record.record)?;
        for sample in &record.samples {
            write_sample(sample, out)?;
        }
        let found = record.only_a + record.only_b + record.different;
        let shown = u64::try_from(record.samples.len()).unwrap_or(u64::MAX);
        if found > shown {
            writeln!(out, "  … and {} more", found - shown)?;
        }
    }
    Ok(())
}

fn write_sample(sample: &RowDiff, out: &mut impl Write) -> io::Result<()> {
    match sample {
        RowDiff::OnlyInA { key, line } => writeln!(out, "  {key}: only in A: {line}"),
        RowDiff::OnlyInB { key, line } => writeln!(out, "  {key}: only in B: {line}"),
        RowDiff::Different { key, columns } => {
            write!(out, "  {key}:")?;
            for ColumnDiff { name, a, b } in columns {
                let value =
                    |side: &Option<String>| side.clone().unwrap_or_else(|| "no such column".to_owned());
                write!(out, " {name} {} | {}", value(a), value(b))?;
            }
            writeln!(out)
        }
    }
}
