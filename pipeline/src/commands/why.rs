//! `millrace why`: the chain of events behind an alert.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use model::AlertId;
use serde_json::Value;
use sinks::snapshot::{SnapshotError, read_rows};

use crate::clock::utc;
use crate::failure::{Outcome, WithHint as _};

const EXAMPLES: &str = "\
Examples:
  millrace why 6c62272e07bb014262b821756295c58d
  millrace why 6c62272e07bb014262b821756295c58d --from result

Prints the alert, its rule as it stands, and the events from which it follows, each with its transaction:
what a person needs to check it on the chain. An alert is named by its rule, the rule's version, the token
and the event that caused it, so it has the same name in a live run, a replay and a backtest.";

/// Show the events behind an alert
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Why {
    /// The alert's id: 32 hexadecimal digits
    #[arg(value_name = "ALERT_ID")]
    alert: AlertId,
    /// A database that `run` wrote, or a folder that `replay` wrote
    #[arg(long, value_name = "PATH", default_value = "millrace.db")]
    from: PathBuf,
}

/// Columns of a trade that say what it was, in the order in which they are shown.
const OF_TRADE: [&str; 8] =
    ["side", "trader", "price", "price_usd", "value_usd", "pool", "program", "signature"];

impl Why {
    pub(crate) fn run(self) -> anyhow::Result<Outcome> {
        let name = self.alert.to_string();
        let Some(alert) = self.find("alerts", |row| text(row, "alert_id") == name)? else {
            let hint = "`millrace backtest` and the record `alerts` give the ids; --from says where to look";
            return Err(anyhow::anyhow!("{} has no alert {name}", self.from.display())).hint(hint);
        };
        let rule = self.find("alert_rules", |row| {
            text(row, "rule_id") == text(&alert, "rule_id") && row.get("version") == alert.get("rule_version")
        })?;
        let evidence = text(&alert, "evidence");
        let events: Vec<&str> = evidence.split(',').collect();
        let mut lines = vec![headline(&alert), rule_line(&alert, rule.as_ref())];
        lines.push(format!("token     {}", text(&alert, "mint")));
        lines.push(format!("value     {} at {}", shown(&alert, "value"), time(&alert, "fired_at")));
        lines.push("because of".to_owned());
        let found = self.events(&events)?;
        for event in &events {
            let line = found.iter().find(|(id, _)| id == event).map(|(_, line)| line.as_str());
            lines.push(format!("  {event}  {}", line.unwrap_or(GONE)));
        }
        let mut out = io::stdout().lock();
        let written = lines.iter().try_for_each(|line| writeln!(out, "{line}"));
        written.and_then(|()| out.flush()).context("cannot write to standard output")?;
        Ok(Outcome::Done)
    }

    /// The first row of a record for which something holds; none if there is no such record either.
    fn find(&self, record: &str, is_wanted: impl Fn(&Value) -> bool) -> anyhow::Result<Option<Value>> {
        for row in self.rows(record)? {
            let row = row?;
            if is_wanted(&row) {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    /// The rows of a record; none if there is no such record.
    fn rows(&self, record: &str) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Value>>> {
        let rows = match read_rows(&self.from, record) {
            Ok(rows) => Some(rows),
            Err(SnapshotError::NoRecord { .. }) => None,
            Err(error) => {
                return Err(error).hint("name a database of `run` or a folder of `replay` with --from");
            }
        };
        Ok(rows.into_iter().flatten().map(|row| Ok(serde_json::from_str(&row?.line)?)))
    }

    /// What is known of events: of trades, and of what happened to tokens.
    fn events(&self, wanted: &[&str]) -> anyhow::Result<Vec<(String, String)>> {
        let mut found = Vec::new();
        for row in self.rows("trades")? {
            let row = row?;
            let id = text(&row, "event_id");
            if wanted.contains(&id) {
                let columns = OF_TRADE.map(|column| format!("{column} {}", shown(&row, column)));
                let line = format!("trade at {}: {}", time(&row, "block_time"), columns.join(", "));
                found.push((id.to_owned(), line));
            }
        }
        for row in self.rows("lifecycle")? {
            let row = row?;
            let id = text(&row, "event_id");
            let is_new = found.iter().all(|(other, _)| other != id);
            if wanted.contains(&id) && is_new {
                let line =
                    format!("{} at {}, pool {}", text(&row, "kind"), time(&row, "at"), shown(&row, "pool"));
                found.push((id.to_owned(), line));
            }
        }
        Ok(found)
    }
}

/// Said of an event that is in no record.
const GONE: &str = "not there: it was taken back, or it is of a kind that has no record";

fn headline(alert: &Value) -> String {
    let reason = match text(alert, "reason") {
        "" => String::new(),
        reason => format!(" ({reason})"),
    };
    let past =
        if alert.get("historical") == Some(&Value::Bool(true)) { ", before its rule was known" } else { "" };
    format!("alert     {} {}{reason}{past}", text(alert, "alert_id"), text(alert, "state"))
}

fn rule_line(alert: &Value, rule: Option<&Value>) -> String {
    let (id, version) = (text(alert, "rule_id"), shown(alert, "rule_version"));
    let known = rule.map_or_else(
        || "which stands no longer".to_owned(),
        |rule| format!("{}, {}", text(rule, "scope"), text(rule, "options")),
    );
    format!(
        "rule      {id} version {version}: {} {}, {known}",
        text(alert, "kind"),
        shown(alert, "threshold")
    )
}

fn text<'a>(row: &'a Value, column: &str) -> &'a str {
    row.get(column).and_then(Value::as_str).unwrap_or_default()
}

/// A value as it is read: a text without its quotes.
fn shown(row: &Value, column: &str) -> String {
    match row.get(column) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => "–".to_owned(),
        Some(other) => other.to_string(),
    }
}

fn time(row: &Value, column: &str) -> String {
    row.get(column).and_then(Value::as_u64).map_or_else(|| "–".to_owned(), |ms| utc(ms / 1000))
}
