//! The embedded store as a history: SQL over a few connections that only read.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use model::{Kind, Row, Time, Value};
use sinks::SinkError;
use sinks::sqlite::{Reader, View};

use crate::history::{History, Moment, Of, Select, Sort, Test, Unavailable};

/// Connections that are kept open.
const READERS_KEPT: usize = 4;
/// Columns that every record has, behind its own.
const COMMON: [Kind; 2] = [Kind::Count, Kind::Count];

/// A database of the sink `sqlite`, beside the run that writes to it or after it.
pub struct Embedded {
    path: PathBuf,
    idle: Mutex<Vec<Reader>>,
}

impl Embedded {
    /// The database at this path. It is opened when it is first asked.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::new(Vec::new()) }
    }

    fn take(&self) -> Result<Reader, SinkError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| Reader::open(&self.path), Ok)
    }

    fn give_back(&self, reader: Reader) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < READERS_KEPT {
            idle.push(reader);
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
fn away(error: SinkError) -> Unavailable {
    Unavailable::Away(error.to_string().into())
}

impl History for Embedded {
    fn now(&self, read: &mut dyn FnMut(&dyn Moment)) -> Result<(), Unavailable> {
        let reader = self.take().map_err(away)?;
        let view = reader.view().map_err(away)?.ok_or(Unavailable::Empty)?;
        read(&Page(&view));
        drop(view);
        self.give_back(reader);
        Ok(())
    }
}

/// The database at one frontier.
struct Page<'v>(&'v View<'v>);

impl Moment for Page<'_> {
    fn frontier(&self) -> Time {
        self.0.frontier()
    }

    fn rows(&self, select: &Select) -> Result<Vec<Row>, Unavailable> {
        let places = select.places();
        let columns = places.iter().filter_map(|at| select.schema.columns.get(*at));
        let kinds: Vec<Kind> = columns.clone().map(|column| column.kind).chain(COMMON).collect();
        let names: String = columns.map(|column| format!("r.\"{}\", ", column.name)).collect();
        let mut sql = Sql::default();
        sql.text.push_str(&format!("SELECT {names}r.as_of, r.def_version"));
        sql.from(select);
        sql.order(&select.order);
        sql.text.push_str(&format!(" LIMIT {}", select.limit));
        self.0.query(&sql.text, &sql.parameters, &kinds).map_err(away)
    }

    fn count(&self, select: &Select) -> Result<u64, Unavailable> {
        let mut sql = Sql::default();
        sql.text.push_str("SELECT count(*)");
        sql.from(select);
        let rows = self.0.query(&sql.text, &sql.parameters, &[Kind::Count]).map_err(away)?;
        match rows.first().map(Vec::as_slice) {
            Some([Value::Count(count)]) => Ok(*count),
            _ => Ok(0),
        }
    }
}

/// A statement as it is written. Names come from schemas; whatever a client says becomes a parameter.
#[derive(Default)]
struct Sql {
    text: String,
    parameters: Vec<Value>,
}

impl Sql {
    fn from(&mut self, select: &Select) {
        self.text.push_str(&format!(" FROM \"{}\" r", select.schema.name));
        if let Some(beside) = &select.beside {
            let (column, value) = &beside.fixed;
            let (other, on) = (beside.schema.name, beside.on);
            let fixed = self.parameter(value);
            let text =
                format!(" LEFT JOIN \"{other}\" b ON b.\"{on}\" = r.\"{on}\" AND b.\"{column}\" = {fixed}");
            self.text.push_str(&text);
        }
        let mut tests: Vec<String> = select.tests.iter().map(|test| self.test(test)).collect();
        if let Some(place) = &select.behind {
            tests.push(self.behind(&select.order, place));
        }
        if !tests.is_empty() {
            self.text.push_str(&format!(" WHERE {}", tests.join(" AND ")));
        }
    }

    fn parameter(&mut self, value: &Value) -> String {
        self.parameters.push(value.clone());
        format!("?{}", self.parameters.len())
    }

    fn test(&mut self, test: &Test) -> String {
        match test {
            Test::Is(of, value) => format!("{} = {}", name(of), self.parameter(value)),
            Test::In(of, values) => {
                let places: Vec<String> = values.iter().map(|value| self.parameter(value)).collect();
                format!("{} IN ({})", name(of), places.join(", "))
            }
            Test::AtLeast(of, value) => format!("{} >= {}", name(of), self.parameter(value)),
            Test::AtMost(of, value) => format!("{} <= {}", name(of), self.parameter(value)),
            Test::Below(of, value) => format!("{} < {}", name(of), self.parameter(value)),
            Test::Holds(of, text) => {
                let text = self.parameter(&Value::text(text.to_ascii_lowercase()));
                format!("instr(lower({}), {text}) > 0", name(of))
            }
            Test::Unknown(of) => format!("{} IS NULL", name(of)),
            Test::Any(tests) if tests.is_empty() => "0".to_owned(),
            Test::Any(tests) => {
                let each: Vec<String> = tests.iter().map(|test| self.test(test)).collect();
                format!("({})", each.join(" OR "))
            }
        }
    }

    /// Behind a place: a comparison of rows. The first column stands alone too, which an index can be used for.
    fn behind(&mut self, order: &[Sort], place: &[Value]) -> String {
        let is_descending = order.first().is_some_and(|sort| sort.is_descending);
        let sign = if is_descending { "<" } else { ">" };
        let terms: Vec<String> = order.iter().map(term).collect();
        let places: Vec<String> = place.iter().map(|value| self.parameter(value)).collect();
        let whole = format!("({}) {sign} ({})", terms.join(", "), places.join(", "));
        match (order.first(), places.first()) {
            (Some(sort), Some(first)) if sort.or.is_none() => {
                format!("{} {sign}= {first} AND {whole}", name(&sort.of))
            }
            _ => whole,
        }
    }

    fn order(&mut self, order: &[Sort]) {
        let each: Vec<String> = order
            .iter()
            .map(|sort| {
                format!("{} {} NULLS LAST", term(sort), if sort.is_descending { "DESC" } else { "ASC" })
            })
            .collect();
        if !each.is_empty() {
            self.text.push_str(&format!(" ORDER BY {}", each.join(", ")));
        }
    }
}

fn name(of: &Of) -> String {
    format!("{}.\"{}\"", if of.is_beside { 'b' } else { 'r' }, of.column)
}

fn term(sort: &Sort) -> String {
    match sort.or {
        Some(or) => format!("ifnull({}, {or})", name(&sort.of)),
        None => name(&sort.of),
    }
}
