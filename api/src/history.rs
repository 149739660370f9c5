//! What the API reads of the past: the records of a store at one frontier.
//!
//! A read is a [`Select`]: columns of one record, tests that all hold, an order, a limit. Each store turns it into
//! its own language; nothing above this file knows one.

use std::sync::Arc;

use model::{Row, Schema, Time, Value};

/// A store.
pub trait History: Send + Sync {
    /// Hands the store as it stands now to `read`. Blocks; to be called where that is no harm.
    ///
    /// # Errors
    /// When the store cannot be read or has nothing yet.
    fn now(&self, read: &mut dyn FnMut(&dyn Moment)) -> Result<(), Unavailable>;
}

/// A store at one frontier.
pub trait Moment {
    /// All changes of times before this one are seen.
    fn frontier(&self) -> Time;

    /// The rows that are asked for, each with its columns in the order of the schema or of [`Select::columns`],
    /// and behind them `as_of` and `def_version`. Addresses come as text.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn rows(&self, select: &Select) -> Result<Vec<Row>, Unavailable>;

    /// How many rows pass the tests.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn count(&self, select: &Select) -> Result<u64, Unavailable>;
}

/// Why a store cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unavailable {
    /// Nothing has been written to it yet.
    #[error("nothing has been written to the store yet")]
    Empty,
    /// As many wait for it as may.
    #[error("as many requests as may wait for the store do; try again in a moment")]
    Busy,
    /// It does not answer, or not as it should.
    #[error("the store cannot be read: {0}")]
    Away(Arc<str>),
}

/// A read of one record.
#[derive(Clone, Debug)]
pub struct Select {
    /// The record.
    pub schema: &'static Schema,
    /// Which of its columns, by place; all if none is named.
    pub columns: Option<Vec<usize>>,
    /// Rows of another record that lie beside these, for tests and order.
    pub beside: Option<Beside>,
    /// What must hold.
    pub tests: Vec<Test>,
    /// The order.
    pub order: Vec<Sort>,
    /// Only what comes behind this place in the order: a value for each of `order`, all of one direction.
    pub behind: Option<Vec<Value>>,
    /// So many rows at most.
    pub limit: usize,
}

impl Select {
    /// All rows of a record in no particular order, up to a number.
    #[must_use]
    pub fn of(schema: &'static Schema, limit: usize) -> Self {
        Self {
            schema,
            columns: None,
            beside: None,
            tests: Vec::new(),
            order: Vec::new(),
            behind: None,
            limit,
        }
    }

    /// With a further test.
    #[must_use]
    pub fn with(mut self, test: Test) -> Self {
        self.tests.push(test);
        self
    }

    /// With a further test that the column is this value.
    #[must_use]
    pub fn is(self, column: &str, value: impl Into<Value>) -> Self {
        self.with(Test::Is(Of::own(column), value.into()))
    }

    /// Ordered by a further column.
    #[must_use]
    pub fn by(mut self, column: &str, is_descending: bool) -> Self {
        self.order.push(Sort { of: Of::own(column), or: None, is_descending });
        self
    }

    /// Ordered by a further column, descending, whose nulls count as `or`.
    #[must_use]
    pub fn latest(mut self, column: &str, or: Option<i64>) -> Self {
        self.order.push(Sort { of: Of::own(column), or, is_descending: true });
        self
    }

    /// The places of the columns that rows have.
    #[must_use]
    pub fn places(&self) -> Vec<usize> {
        self.columns.clone().unwrap_or_else(|| (0..self.schema.columns.len()).collect())
    }
}

/// The row of another record that has the same value in a column, and one more fixed value.
#[derive(Clone, Debug)]
pub struct Beside {
    /// The record.
    pub schema: &'static Schema,
    /// The column that both have.
    pub on: &'static str,
    /// A column of the other, and the value that it must have.
    pub fixed: (&'static str, Value),
}

/// A column: of the record, or of the one beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Of {
    /// Its name.
    pub column: String,
    /// Whether it is of the record beside.
    pub is_beside: bool,
}

impl Of {
    /// A column of the record.
    #[must_use]
    pub fn own(column: &str) -> Self {
        Self { column: column.to_owned(), is_beside: false }
    }

    /// A column of the record beside.
    #[must_use]
    pub fn beside(column: &str) -> Self {
        Self { column: column.to_owned(), is_beside: true }
    }
}

/// What must hold of a row. A column that is null passes none but [`Test::Unknown`].
#[derive(Clone, Debug)]
pub enum Test {
    /// The column is this value.
    Is(Of, Value),
    /// The column is one of these.
    In(Of, Vec<Value>),
    /// The column is this value or above.
    AtLeast(Of, Value),
    /// The column is this value or below.
    AtMost(Of, Value),
    /// The column is below this value.
    Below(Of, Value),
    /// The text of the column holds this one, whatever the case of ASCII letters.
    Holds(Of, String),
    /// The column is null.
    Unknown(Of),
    /// One of these holds.
    Any(Vec<Test>),
}

/// One part of an order. Nulls come last.
#[derive(Clone, Debug)]
pub struct Sort {
    /// By which column.
    pub of: Of,
    /// As what a null counts.
    pub or: Option<i64>,
    /// From the greatest to the least.
    pub is_descending: bool,
}
