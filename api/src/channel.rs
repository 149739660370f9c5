//! Channels: which rows of which records a subscription is of.

use model::{Address, Row, Schema, Value};

use crate::answer::value;
use crate::app::App;
use crate::feed::Changed;
use crate::history::{Moment, Of, Select, Test};
use crate::problem::Problem;
use crate::rest::candles;

/// Rows of a channel of events at its begin.
const EVENTS: usize = 50;
/// Bars at its begin.
const BARS: usize = 300;
/// Rows of a channel of state at its begin, at most.
const ROWS: usize = 1_000;

/// How settled a row must be before it is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    #[default]
    Processed,
    Confirmed,
    Finalized,
}

impl Level {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "processed" => Some(Self::Processed),
            "confirmed" => Some(Self::Confirmed),
            "finalized" => Some(Self::Finalized),
            _ => None,
        }
    }
}

/// What a subscription says beside its channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Filters {
    pub(crate) side: Option<String>,
    pub(crate) min_usd: Option<f64>,
    pub(crate) program: Option<String>,
    pub(crate) label: Option<String>,
    pub(crate) list: Option<String>,
    pub(crate) rule_id: Option<String>,
    pub(crate) mint: Option<String>,
    pub(crate) min_commitment: Level,
}

/// A channel with its filters.
#[derive(Clone, Debug)]
pub(crate) struct Channel {
    pub(crate) name: String,
    pub(crate) parts: Vec<Part>,
    pub(crate) level: Level,
    /// Whether a token that is named must be known from the same frame on.
    pub(crate) must_know: bool,
    /// Keys that the feed has to hear for it.
    pub(crate) keys: Vec<Value>,
}

/// The rows of one record.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) record: &'static str,
    tests: Vec<(&'static str, Vec<Value>)>,
    min_usd: Option<f64>,
    label: Option<String>,
    /// Only tokens that another part has named, cut to what goes with them.
    pub(crate) follows: bool,
    /// How much of the past it begins with.
    begin: Begin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begin {
    Whole,
    /// The newest by this column.
    Newest(&'static str, usize),
}

impl Part {
    fn of(record: &'static str) -> Self {
        Self { record, tests: Vec::new(), min_usd: None, label: None, follows: false, begin: Begin::Whole }
    }

    fn is(mut self, column: &'static str, value: impl Into<Value>) -> Self {
        self.tests.push((column, vec![value.into()]));
        self
    }

    fn may_be(self, column: &'static str, value: Option<&String>) -> Self {
        match value {
            Some(text) => self.is(column, Value::text(text)),
            None => self,
        }
    }

    fn newest(self, column: &'static str, count: usize) -> Self {
        Self { begin: Begin::Newest(column, count), ..self }
    }

    /// Whether a change is of this part. The end of a key is, wherever the key does not say otherwise: a client that
    /// never had it has nothing to delete.
    pub(crate) fn wants(&self, changed: &Changed) -> bool {
        let is_end = changed.row.is_none();
        self.tests.iter().all(|(column, wanted)| match changed.fact(column) {
            Value::Null if is_end => true,
            known => wanted.contains(known),
        }) && (is_end || self.passes_filters(changed.fact("value_usd"), changed.fact("labels")))
    }

    fn passes_filters(&self, worth: &Value, labels: &Value) -> bool {
        let is_worth = self.min_usd.is_none_or(|least| matches!(worth, Value::Float(usd) if *usd >= least));
        let has_label = self
            .label
            .as_ref()
            .is_none_or(|label| labels.as_text().is_some_and(|all| all.split(',').any(|each| each == label)));
        is_worth && has_label
    }

    fn select(&self, app: &App) -> Result<Select, Problem> {
        let mut select = Select::of(app.record(self.record)?, ROWS);
        for (column, wanted) in &self.tests {
            let values = wanted.iter().map(|value| match value {
                Value::Address(address) => Value::text(address.to_string()),
                other => other.clone(),
            });
            select = select.with(Test::In(Of::own(column), values.collect()));
        }
        if let Some(least) = self.min_usd {
            select = select.with(Test::AtLeast(Of::own("value_usd"), Value::Float(least)));
        }
        if let Some(label) = &self.label {
            select = select.with(Test::Holds(Of::own("labels"), label.clone()));
        }
        if let Begin::Newest(column, count) = self.begin {
            select = select.latest(column, Some(0));
            if self.record == "trades" {
                select = select.latest("tx_index", Some(i64::from(u32::MAX))).latest("event_id", None);
            }
            select.limit = count;
        }
        Ok(select)
    }

    /// The rows that it begins with, the oldest first; those that follow another part are of `mints`.
    pub(crate) fn begin(
        &self,
        moment: &dyn Moment,
        app: &App,
        mints: &[Value],
    ) -> Result<(&'static Schema, Vec<Row>), Problem> {
        let mut select = self.select(app)?;
        if self.follows {
            select = select.with(Test::In(Of::own("mint"), mints.to_vec()));
        }
        let schema = select.schema;
        let mut rows = moment.rows(&select)?;
        if let Some(label) = &self.label {
            // The store finds part of a label too.
            rows.retain(|row| {
                value(schema, row, "labels")
                    .as_text()
                    .is_some_and(|all| all.split(',').any(|each| each == label))
            });
        }
        if self.begin != Begin::Whole {
            rows.reverse();
        }
        Ok((schema, rows))
    }
}

impl Channel {
    /// Reads the name of a channel.
    pub(crate) fn parse(name: &str, filters: &Filters, app: &App) -> Result<Self, Problem> {
        let mut parts = name.splitn(4, ':');
        let kind = parts.next().unwrap_or_default();
        let rest: Vec<&str> = parts.collect();
        let (parts, keys) = match (kind, rest.as_slice()) {
            ("token", [mint]) => token(address(mint)?),
            ("candles", [mint, interval]) => bars(app, (mint, interval, "primary"))?,
            ("candles", [mint, interval, series]) => bars(app, (mint, interval, series))?,
            ("market", []) => (board(None), Vec::new()),
            ("leaders", [name]) => (board(Some(name)), Vec::new()),
            ("trades", []) => (vec![trades(None, filters)], Vec::new()),
            ("trades", [mint]) => (vec![trades(Some(address(mint)?), filters)], Vec::new()),
            ("new-tokens", []) => (lifecycle(&["created"]), Vec::new()),
            ("graduations", []) => (lifecycle(&["completed", "migrated"]), Vec::new()),
            ("wallet", [wallet]) => of_wallet(address(wallet)?),
            ("smart", []) => (smart(filters)?, Vec::new()),
            ("alerts", []) => (vec![alerts(filters)?], Vec::new()),
            ("progress", []) => (vec![Part::of("progress")], Vec::new()),
            _ => return Err(unknown(name)),
        };
        // A record that this build does not have yet has no rows.
        let parts = parts.into_iter().filter(|part| app.records.contains_key(part.record)).collect();
        let must_know = matches!(kind, "market" | "leaders");
        Ok(Self { name: name.to_owned(), parts, level: filters.min_commitment, must_know, keys })
    }

    /// Whether frames name the record of each row: channels of several do.
    pub(crate) fn has_tables(&self) -> bool {
        self.parts.len() > 1
    }
}

fn unknown(name: &str) -> Problem {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
    let known = "token:MINT candles:MINT:INTERVAL[:SERIES] market leaders:BOARD trades[:MINT] new-tokens graduations \
                 wallet:ADDRESS smart alerts progress";
    Problem::parameter("ch", format!("there is no channel `{shown}`; there are {known}"))
}

fn address(text: &str) -> Result<Address, Problem> {
    text.parse().map_err(|_| Problem::parameter("ch", "the address in `ch` is not base58 of 32 bytes"))
}

fn token(mint: Address) -> (Vec<Part>, Vec<Value>) {
    let records = ["tokens", "token_stats", "pools", "concentration", "holders"];
    (records.map(|record| Part::of(record).is("mint", mint)).to_vec(), vec![mint.into()])
}

fn bars(app: &App, (mint, interval, series): (&str, &str, &str)) -> Result<(Vec<Part>, Vec<Value>), Problem> {
    let token = address(mint)?;
    // The same tests as those of the store, which know what form the record has.
    let select = candles(app, mint, series, interval)?;
    let mut keys = vec![Value::from(token)];
    let mut part = Part::of("candles").newest("open_time", BARS);
    for test in select.tests {
        let Test::Is(of, wanted) = test else { continue };
        let column = match of.column.as_str() {
            "mint" => "mint",
            "source" => "source",
            "interval" => "interval",
            "in_primary" => "in_primary",
            "in_all" => "in_all",
            "series" => "series",
            _ => "id",
        };
        let wanted = match wanted.as_text().map(str::parse::<Address>) {
            Some(Ok(address)) => {
                keys.push(address.into());
                Value::from(address)
            }
            _ => wanted,
        };
        part.tests.push((column, vec![wanted]));
    }
    keys.sort();
    keys.dedup();
    Ok((vec![part], keys))
}

fn board(name: Option<&str>) -> Vec<Part> {
    let leaders = Part::of("leaders");
    let leaders = match name {
        Some(name) => leaders.is("board", Value::text(name)),
        None => leaders,
    };
    vec![leaders, Part { follows: true, ..Part::of("tokens") }]
}

fn trades(mint: Option<Address>, filters: &Filters) -> Part {
    let part = Part::of("trades").newest("slot", EVENTS);
    let part = match mint {
        Some(mint) => part.is("mint", mint),
        None => part,
    };
    let part = part.may_be("side", filters.side.as_ref()).may_be("program", filters.program.as_ref());
    Part { min_usd: filters.min_usd, label: filters.label.clone(), ..part }
}

fn lifecycle(kinds: &[&'static str]) -> Vec<Part> {
    let mut part = Part::of("lifecycle").newest("at", EVENTS);
    part.tests.push(("kind", kinds.iter().map(|kind| Value::from(*kind)).collect()));
    vec![part, Part { follows: true, ..Part::of("tokens") }]
}

fn of_wallet(wallet: Address) -> (Vec<Part>, Vec<Value>) {
    let of = |record: &'static str| Part::of(record).is("trader", wallet);
    let parts = vec![
        of("trades").newest("slot", EVENTS),
        of("smart_matches").newest("block_time", EVENTS),
        of("wallet_positions"),
        of("wallet_stats"),
    ];
    (parts, vec![wallet.into()])
}

fn smart(filters: &Filters) -> Result<Vec<Part>, Problem> {
    let mint = filters.mint.as_deref().map(address).transpose()?;
    let of = |part: Part| {
        let part = part.may_be("list", filters.list.as_ref());
        match mint {
            Some(mint) => part.is("mint", mint),
            None => part,
        }
    };
    Ok(vec![
        of(Part::of("smart_matches").newest("block_time", EVENTS)),
        of(Part::of("smart_clusters").newest("window_start", EVENTS)),
        Part { follows: true, ..Part::of("tokens") },
    ])
}

fn alerts(filters: &Filters) -> Result<Part, Problem> {
    let mint = filters.mint.as_deref().map(address).transpose()?;
    let part = Part::of("alerts").newest("fired_at", EVENTS).may_be("rule_id", filters.rule_id.as_ref());
    Ok(match mint {
        Some(mint) => part.is("mint", mint),
        None => part,
    })
}
