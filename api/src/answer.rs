//! An answer as it is written: rows as in JSON Lines, and what is known of their frontier.

use std::io::{self, Write as _};

use model::{Row, Schema, Value};
use sinks::encode;

/// What a route found.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// JSON.
    pub(crate) data: Vec<u8>,
    pub(crate) paging: Option<Paging>,
    /// For how long it may be kept, seconds.
    pub(crate) max_age_s: u32,
}

/// Which part of a list an answer holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Paging {
    /// From 1; of lists that have a fixed order.
    pub(crate) page: Option<u64>,
    pub(crate) limit: u64,
    /// Rows of all pages, where that is known.
    pub(crate) total: Option<u64>,
    /// Where the next page begins; none on the last.
    pub(crate) next: Option<String>,
}

impl Answer {
    /// One that may be kept for a second.
    pub(crate) fn new(data: Vec<u8>) -> Self {
        Self { data, paging: None, max_age_s: 1 }
    }

    pub(crate) fn paged(self, paging: Paging) -> Self {
        Self { paging: Some(paging), ..self }
    }

    pub(crate) fn kept_for(self, max_age_s: u32) -> Self {
        Self { max_age_s, ..self }
    }
}

/// Which columns of a row are written.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    schema: &'static Schema,
    /// Places of the columns; all if none.
    cut: Option<Vec<usize>>,
}

impl Shape {
    pub(crate) fn whole(schema: &'static Schema) -> Self {
        Self { schema, cut: None }
    }

    /// Only these columns, in the order of the schema.
    ///
    /// # Errors
    /// The names that are no columns.
    pub(crate) fn cut(schema: &'static Schema, names: &[String]) -> Result<Self, String> {
        let strangers: Vec<&str> = names
            .iter()
            .map(String::as_str)
            .filter(|name| !schema.columns.iter().any(|column| column.name == *name))
            .collect();
        if !strangers.is_empty() {
            return Err(format!("`{}` has no column {}", schema.name, strangers.join(", ")));
        }
        let is_wanted = |at: &usize| {
            schema.columns.get(*at).is_some_and(|column| names.iter().any(|name| name == column.name))
        };
        Ok(Self { schema, cut: Some((0..schema.columns.len()).filter(is_wanted).collect()) })
    }

    /// Appends the object without its end, so that members can be added.
    pub(crate) fn open(&self, row: &[Value], out: &mut Vec<u8>) -> io::Result<()> {
        let mut lead = b'{';
        let mut member = |name: &str, value: &Value, out: &mut Vec<u8>| {
            out.push(lead);
            lead = b',';
            write!(out, "\"{name}\":")?;
            encode::value(value, out)
        };
        for (at, (column, value)) in self.schema.columns.iter().zip(row).enumerate() {
            if self.cut.as_ref().is_none_or(|cut| cut.contains(&at)) {
                member(column.name, value, out)?;
            }
        }
        if self.cut.is_none() {
            for (name, value) in
                ["as_of", "def_version"].iter().zip(row.iter().skip(self.schema.columns.len()))
            {
                member(name, value, out)?;
            }
        }
        if lead == b'{' {
            out.push(lead);
        }
        Ok(())
    }

    /// Appends one object.
    pub(crate) fn object(&self, row: &[Value], out: &mut Vec<u8>) -> io::Result<()> {
        self.open(row, out)?;
        out.push(b'}');
        Ok(())
    }

    /// Appends an array of objects.
    pub(crate) fn array(&self, rows: &[Row], out: &mut Vec<u8>) -> io::Result<()> {
        list(rows, out, |row, out| self.object(row, out))
    }
}

/// Appends an array.
pub(crate) fn list<T>(
    items: &[T],
    out: &mut Vec<u8>,
    mut each: impl FnMut(&T, &mut Vec<u8>) -> io::Result<()>,
) -> io::Result<()> {
    out.push(b'[');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        each(item, out)?;
    }
    out.push(b']');
    Ok(())
}

/// The value of a column of a row that has all columns.
pub(crate) fn value<'r>(schema: &Schema, row: &'r [Value], column: &str) -> &'r Value {
    static NULL: Value = Value::Null;
    schema.columns.iter().position(|c| c.name == column).and_then(|at| row.get(at)).unwrap_or(&NULL)
}

#[cfg(test)]
mod tests {
    use model::{Column, Kind};

    use super::*;

    static SWAPS: Schema = Schema {
        name: "swaps",
        doc: "",
        key: 1,
        cadence: model::Cadence::Flush,
        indexes: &[],
        columns: &[Column::new("id", Kind::Text, ""), Column::new("amount", Kind::Amount, "")],
    };

    #[test]
    fn rows_are_written_as_in_json_lines_and_cut_to_what_is_asked_for() {
        let row = vec![Value::text("a"), Value::Amount(1 << 60), Value::Count(7), Value::Count(1)];
        let written = |shape: &Shape| {
            let mut out = Vec::new();
            shape.object(&row, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            written(&Shape::whole(&SWAPS)),
            r#"{"id":"a","amount":"1152921504606846976","as_of":7,"def_version":1}"#
        );
        let cut =
            |names: &[&str]| Shape::cut(&SWAPS, &names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>());
        assert_eq!(written(&cut(&["amount"]).unwrap()), r#"{"amount":"1152921504606846976"}"#);
        assert_eq!(written(&cut(&[]).unwrap()), "{}");
        assert_eq!(cut(&["id", "price"]).unwrap_err(), "`swaps` has no column price");
    }
}
