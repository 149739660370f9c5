//! Where in the configuration a value stands: `source.simulate.seed`, `sinks[0].path`.

use std::fmt;

use toml::{Table, Value};

/// One step on the way to a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Key(String),
    Index(usize),
}

/// The path of a value; empty for the whole configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct KeyPath(Vec<Step>);

impl KeyPath {
    pub(crate) fn key(mut self, key: impl Into<String>) -> Self {
        self.0.push(Step::Key(key.into()));
        self
    }

    pub(crate) fn index(mut self, index: usize) -> Self {
        self.0.push(Step::Index(index));
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn ends_with_index(&self) -> bool {
        matches!(self.0.last(), Some(Step::Index(_)))
    }

    /// The last key; empty if the path ends otherwise.
    pub(crate) fn last_key(&self) -> &str {
        match self.0.last() {
            Some(Step::Key(key)) => key,
            _ => "",
        }
    }

    pub(crate) fn parent(&self) -> Self {
        Self(self.0.split_last().map_or_else(Vec::new, |(_, front)| front.to_vec()))
    }

    pub(crate) fn starts_with(&self, front: &Self) -> bool {
        self.0.starts_with(&front.0)
    }

    /// Continues this path with one that the deserializer tracked.
    pub(crate) fn join(mut self, tracked: &serde_path_to_error::Path) -> Self {
        for segment in tracked {
            match segment {
                serde_path_to_error::Segment::Seq { index } => self.0.push(Step::Index(*index)),
                serde_path_to_error::Segment::Map { key } => self.0.push(Step::Key(key.clone())),
                // Neither names a place in the file.
                serde_path_to_error::Segment::Enum { .. } | serde_path_to_error::Segment::Unknown => {}
            }
        }
        self
    }

    /// Continues this path with dotted text, where a number is an index: `sinks.0.path`.
    pub(crate) fn join_dotted(mut self, text: &str) -> Self {
        for part in text.split('.') {
            self.0.push(part.parse().map_or_else(|_| Step::Key(part.to_owned()), Step::Index));
        }
        self
    }

    /// The value at this path.
    pub(crate) fn get<'v>(&self, root: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(root, |value, step| match step {
            Step::Key(key) => value.get(key),
            Step::Index(index) => value.get(index),
        })
    }

    /// Puts a value at this path, making the tables on the way. An index may be at most one past the end.
    ///
    /// False if that is not possible: the way leads through a value that is no table or list.
    pub(crate) fn set(&self, root: &mut Value, value: Value) -> bool {
        let mut place = root;
        for step in &self.0 {
            let next = match (step, place) {
                (Step::Key(key), Value::Table(table)) => {
                    table.entry(key).or_insert_with(|| Value::Table(Table::new()))
                }
                (Step::Index(index), Value::Array(list)) if *index <= list.len() => {
                    if *index == list.len() {
                        list.push(Value::Table(Table::new()));
                    }
                    let Some(next) = list.get_mut(*index) else { return false };
                    next
                }
                _ => return false,
            };
            place = next;
        }
        *place = value;
        true
    }

    /// Takes the value out, so that its default stands again. False if nothing was there.
    pub(crate) fn remove(&self, root: &mut Value) -> bool {
        let Some((last, front)) = self.0.split_last() else { return false };
        let mut place = root;
        for step in front {
            let next = match step {
                Step::Key(key) => place.get_mut(key),
                Step::Index(index) => place.get_mut(index),
            };
            let Some(next) = next else { return false };
            place = next;
        }
        match (last, place) {
            (Step::Key(key), Value::Table(table)) => table.remove(key).is_some(),
            (Step::Index(index), Value::Array(list)) if *index < list.len() => {
                list.remove(*index);
                true
            }
            _ => false,
        }
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if i == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> KeyPath {
        KeyPath::default().join_dotted(text)
    }

    #[test]
    fn is_spelled_as_a_person_would() {
        assert_eq!(path("sinks.0.path").to_string(), "sinks[0].path");
    }

    #[test]
    fn sets_gets_and_removes() {
        let mut root = Value::Table(toml::from_str("[[sinks]]\ntype = 'sqlite'").unwrap());
        assert!(path("sinks.0.path").set(&mut root, Value::from("x")));
        assert!(path("run.workers").set(&mut root, Value::from(2)));
        assert!(!path("sinks.2.path").set(&mut root, Value::from("x")), "leaves a gap");
        assert!(!path("run.workers.more").set(&mut root, Value::from("x")), "through a number");
        assert_eq!(path("sinks.0.path").get(&root), Some(&Value::from("x")));
        assert!(path("sinks.0.path").remove(&mut root));
        assert_eq!(path("sinks.0.path").get(&root), None);
        assert!(!path("sinks.0.path").remove(&mut root));
    }
}
