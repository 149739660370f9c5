//! The table.

use std::io::Write as _;
use std::time::Duration;

use serde::Serialize;

/// One measurement.
#[derive(Serialize)]
pub(crate) struct Line {
    /// Name of the measurement.
    pub(crate) what: String,
    /// Number of items that went in.
    pub(crate) items: u64,
    /// Name of one item.
    pub(crate) unit: &'static str,
    /// Wall time, seconds.
    pub(crate) took_s: f64,
    /// Items a second.
    pub(crate) per_s: f64,
    /// Nanoseconds an item.
    pub(crate) ns_each: f64,
    /// Wall time as a multiple of the bare loop's, where there is one.
    pub(crate) times_bare: Option<f64>,
    /// Items that came out.
    pub(crate) out: u64,
}

impl Line {
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    pub(crate) fn new(what: &str, (items, unit): (u64, &'static str), took: Duration, out: u64) -> Self {
        let took_s = took.as_secs_f64();
        Self {
            what: what.to_owned(),
            items,
            unit,
            took_s,
            per_s: items as f64 / took_s,
            ns_each: took_s * 1e9 / items as f64,
            times_bare: None,
            out,
        }
    }

    /// Puts the line next to that of the bare loop.
    pub(crate) fn next_to(mut self, bare: &Self) -> Self {
        self.times_bare = Some(self.took_s / bare.took_s);
        self
    }
}

/// Prints the lines as a table or as JSON.
pub(crate) fn print(lines: &[Line], json: bool) -> anyhow::Result<()> {
    let heads = ["items", "a second", "ns each", "× bare", "out"];
    table(lines, json, heads, |line| {
        let Line { items, unit, per_s, ns_each, times_bare, out, .. } = line;
        let times = times_bare.map_or("–".to_owned(), |times| format!("{times:.2}"));
        let cells = [
            format!("{items} {unit}"),
            format!("{per_s:.0}"),
            format!("{ns_each:.0}"),
            times,
            out.to_string(),
        ];
        (line.what.clone(), cells)
    })
}

/// Prints lines of any kind.
pub(crate) fn table<L: Serialize, const N: usize>(
    lines: &[L],
    json: bool,
    heads: [&str; N],
    cells: impl Fn(&L) -> (String, [String; N]),
) -> anyhow::Result<()> {
    let mut table = Table::begin(json, heads)?;
    for line in lines {
        table.line(line, || cells(line))?;
    }
    Ok(())
}

/// A table whose lines are printed as they come.
pub(crate) struct Table {
    is_json: bool,
}

impl Table {
    /// Prints the heads.
    pub(crate) fn begin<const N: usize>(is_json: bool, heads: [&str; N]) -> anyhow::Result<Self> {
        if !is_json {
            writeln!(std::io::stdout(), "{:<44}{}", "", spread(heads.map(str::to_owned)))?;
        }
        Ok(Self { is_json })
    }

    /// Prints a line: what it is of, and its cells.
    pub(crate) fn line<const N: usize>(
        &mut self,
        line: &impl Serialize,
        cells: impl FnOnce() -> (String, [String; N]),
    ) -> anyhow::Result<()> {
        if self.is_json {
            writeln!(std::io::stdout(), "{}", serde_json::to_string(line)?)?;
        } else {
            let (what, cells) = cells();
            writeln!(std::io::stdout(), "{what:<44}{}", spread(cells))?;
        }
        Ok(())
    }
}

fn spread<const N: usize>(cells: [String; N]) -> String {
    cells.map(|cell| format!(" {cell:>14}")).concat()
}
