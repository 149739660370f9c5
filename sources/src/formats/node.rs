//! A place in a JSON document, which knows where it is when something is wrong there.
//!
//! A place is its value and a reference to the place above it, both on the stack: the way to it becomes
//! text only when an error is to be told.

use std::fmt::Write as _;

use super::FormatError;
use super::json::Json;

/// A value and the way to it.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    value: &'a Json<'a>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Field(&'a Node<'a>, &'a str),
    Item(&'a Node<'a>, usize),
}

static NULL: Json<'static> = Json::Null;

impl<'a> Node<'a> {
    pub(super) const fn root(value: &'a Json<'a>) -> Self {
        Self { value, step: Step::Root }
    }

    pub(super) const fn value(&self) -> &'a Json<'a> {
        self.value
    }

    /// A field; null if it is not there.
    pub(super) fn field<'b>(&'b self, name: &'b str) -> Node<'b> {
        Node { value: self.value.get(name).unwrap_or(&NULL), step: Step::Field(self, name) }
    }

    /// A field, unless it is absent or null.
    pub(super) fn optional<'b>(&'b self, name: &'b str) -> Option<Node<'b>> {
        Some(self.field(name)).filter(|node| !node.value.is_null())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.value.get(name).is_some_and(|value| !value.is_null())
    }

    /// The items of an array.
    pub(super) fn items<'b>(&'b self) -> Result<impl Iterator<Item = Node<'b>>, FormatError> {
        let items = self.value.as_array().ok_or_else(|| self.wrong("an array"))?;
        Ok(items.iter().enumerate().map(|(index, value)| Node { value, step: Step::Item(self, index) }))
    }

    /// The items of an array field; none if it is absent or null.
    pub(super) fn list<T>(
        &self,
        name: &str,
        read: impl FnMut(&Node<'_>) -> Result<T, FormatError>,
    ) -> Result<Vec<T>, FormatError> {
        self.optional_list(name, read).map(Option::unwrap_or_default)
    }

    /// The items of an array field; `None` if it is absent or null.
    pub(super) fn optional_list<T>(
        &self,
        name: &str,
        mut read: impl FnMut(&Node<'_>) -> Result<T, FormatError>,
    ) -> Result<Option<Vec<T>>, FormatError> {
        let Some(list) = self.optional(name) else { return Ok(None) };
        let items = list.items()?;
        let mut out = Vec::with_capacity(items.size_hint().0);
        for item in items {
            out.push(read(&item)?);
        }
        Ok(Some(out))
    }

    pub(super) fn text(&self) -> Result<&'a str, FormatError> {
        self.value.as_str().ok_or_else(|| self.wrong("a string"))
    }

    /// A whole number, spelled as a number or, as 64-bit ones often are, as a string.
    pub(super) fn number<T: TryFrom<u64>>(&self) -> Result<T, FormatError> {
        let number = match self.value {
            Json::Number(number) => number.as_u64(),
            Json::Text(text) => text.parse().ok(),
            _ => None,
        };
        let number = number.ok_or_else(|| self.wrong("a whole number"))?;
        T::try_from(number).map_err(|_| self.error(format!("{number} is larger than it can be")))
    }

    /// A whole number field; none if it is absent or null.
    pub(super) fn optional_number<T: TryFrom<u64>>(&self, name: &str) -> Result<Option<T>, FormatError> {
        self.optional(name).map(|node| node.number()).transpose()
    }

    /// A string that `T` reads.
    pub(super) fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(&self) -> Result<T, FormatError> {
        self.text()?.parse().map_err(|error: T::Err| self.error(error.to_string()))
    }

    pub(super) fn error(&self, what: impl Into<String>) -> FormatError {
        FormatError { path: self.path(), what: what.into() }
    }

    /// The error that something else than `expected` stands here.
    pub(super) fn wrong(&self, expected: &str) -> FormatError {
        let found = match self.value {
            Json::Null => "nothing".to_owned(),
            Json::Bool(_) => "true or false".to_owned(),
            Json::Number(number) => format!("the number {number}"),
            Json::Text(text) => format!("the string `{}`", text.chars().take(40).collect::<String>()),
            Json::Array(_) => "an array".to_owned(),
            Json::Object(_) => "an object".to_owned(),
        };
        self.error(format!("should be {expected}, is {found}"))
    }

    pub(super) fn path(&self) -> String {
        let mut path = String::new();
        self.write_path(&mut path);
        if path.is_empty() { "document".to_owned() } else { path }
    }

    fn write_path(&self, path: &mut String) {
        match self.step {
            Step::Root => {}
            Step::Field(parent, name) => {
                parent.write_path(path);
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
            }
            Step::Item(parent, index) => {
                path.push_str(&parent.path());
                // Writing to a string cannot fail.
                let _ = write!(path, "[{index}]");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize as _;
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_name_place_expectation_and_finding() {
        let value = json!({"a": [{"b": "x"}]});
        let value = Json::deserialize(&value).unwrap();
        let root = Node::root(&value);
        let list = root.field("a");
        let item = list.items().unwrap().next().unwrap();
        let error = item.field("b").number::<u64>().unwrap_err();
        assert_eq!(error.to_string(), "a[0].b: should be a whole number, is the string `x`");
        let error = item.field("c").text().unwrap_err();
        assert_eq!(error.to_string(), "a[0].c: should be a string, is nothing");
    }

    #[test]
    fn numbers_may_be_strings_and_have_bounds() {
        let value = json!({"a": "18446744073709551615", "b": 300});
        let value = Json::deserialize(&value).unwrap();
        let root = Node::root(&value);
        assert_eq!(root.field("a").number::<u64>(), Ok(u64::MAX));
        assert_eq!(
            root.field("b").number::<u8>().unwrap_err().to_string(),
            "b: 300 is larger than it can be"
        );
        assert_eq!(root.optional_number::<u64>("c"), Ok(None));
    }
}
