//! Lays file, environment and flags over the defaults, and reads the sections out of the result.
//!
//! All layers are merged into one tree of values before anything is given a type. A section is then
//! read until it is right: each complaint of the deserializer is noted, the value it is about is taken
//! out so that its default stands again, and the section is read anew. So one wrong value never hides
//! the next one.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use crate::path::KeyPath;
use crate::problem::{Origin, Problem};
use crate::wording::{self, Complaint};

/// Environment variables that begin so are settings.
pub const ENVIRONMENT_PREFIX: &str = "MILLRACE_";

/// Variables that begin so are of `scripts/services`, and no settings.
const SERVICES_PREFIX: &str = "MILLRACE_SERVICES_";

/// The layers over the built-in defaults. Add them from weak to strong: file, environment, flags.
#[derive(Debug)]
pub struct Layers {
    defaults: Value,
    values: Value,
    origins: BTreeMap<KeyPath, Origin>,
    /// Values of the environment as they were written, for keys that hold text.
    texts: BTreeMap<KeyPath, String>,
    problems: Vec<Problem>,
}

impl Layers {
    /// Nothing but the defaults.
    pub(crate) fn over(defaults: Value) -> Self {
        Self {
            values: defaults.clone(),
            defaults,
            origins: BTreeMap::new(),
            texts: BTreeMap::new(),
            problems: Vec::new(),
        }
    }

    /// Adds a TOML file. One that cannot be read, or is no TOML, is a problem to be reported with the others.
    #[must_use]
    pub fn file(mut self, path: &Path) -> Self {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                self.problem_in_file(path, 0, format!("cannot be read: {error}"));
                return self;
            }
        };
        let (spanned, errors) = DeTable::parse_recoverable(&text);
        let mut broken = BTreeMap::new();
        for error in &errors {
            let line = error.span().map_or(0, |span| line_at(&text, span.start));
            // A further error of a line is mostly an echo of the first.
            broken.entry(line).or_insert_with(|| error.message());
        }
        for (line, message) in broken {
            self.problem_in_file(path, line, format!("not TOML: {message}"));
        }
        if errors.is_empty() {
            let whole = DeValue::Table(spanned.into_inner());
            self.merge(&KeyPath::default(), &whole, &|offset| Origin::File {
                path: path.to_owned(),
                line: line_at(&text, offset),
            });
        }
        self
    }

    /// Adds the environment: `MILLRACE_RUN__WORKERS=2` sets `run.workers`, `MILLRACE_SINKS__0__PATH=x` sets
    /// `sinks[0].path`. Variables without the prefix
    /// are not looked at; one with it that names no key is a problem.
    #[must_use]
    pub fn environment(mut self, variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut settings = BTreeMap::new();
        for (name, value) in variables {
            let Some(name) = name.to_str().filter(|name| !name.starts_with(SERVICES_PREFIX)) else {
                continue;
            };
            if let Some(key) = name.strip_prefix(ENVIRONMENT_PREFIX) {
                settings.insert(name.to_owned(), (key.to_lowercase().replace("__", "."), value));
            }
        }
        for (name, (key, value)) in settings {
            let path = KeyPath::default().join_dotted(&key);
            match value.into_string() {
                Ok(text) => {
                    self.texts.insert(path.clone(), text.clone());
                    self.set(path, literal(text), Origin::Environment(name));
                }
                Err(_) => {
                    self.problem(Some(Origin::Environment(name)), &path, "is not UTF-8 text".to_owned());
                }
            }
        }
        self
    }

    /// Adds a flag of the command line: its name and the key it sets, such as `--workers` and `run.workers`.
    #[must_use]
    pub fn flag(mut self, name: &str, key: &str, value: impl Into<Value>) -> Self {
        self.set(KeyPath::default().join_dotted(key), value.into(), Origin::Flag(name.to_owned()));
        self
    }

    /// Reads the section at `at`; none if it is wrong in a way that no default mends.
    pub(crate) fn read<T: DeserializeOwned>(&mut self, at: &KeyPath) -> Option<T> {
        loop {
            let section = at.get(&self.values).cloned().unwrap_or_else(|| Value::Table(Table::new()));
            let mut ignored = Vec::new();
            let mut ignore = |path: serde_ignored::Path<'_>| ignored.push(path.to_string().replace(".?", ""));
            let mut track = serde_path_to_error::Track::new();
            let tracked = serde_path_to_error::Deserializer::new(section, &mut track);
            let error = match T::deserialize(serde_ignored::Deserializer::new(tracked, &mut ignore)) {
                Ok(value) => {
                    for path in ignored {
                        self.unknown(&at.clone().join_dotted(&path));
                    }
                    return Some(value);
                }
                Err(error) => error,
            };
            let path = at.clone().join(&track.path());
            if !self.mend(at, &path, error.message()) {
                return None;
            }
        }
    }

    /// Notes a complaint and takes out what it is about. False if that is the section as a whole.
    fn mend(&mut self, at: &KeyPath, path: &KeyPath, message: &str) -> bool {
        let found = path.get(&self.values);
        if let Some(text) = self.texts.remove(path)
            && !found.is_some_and(Value::is_str)
        {
            // `MILLRACE_SINKS__0__PATH=2026` was taken for a number.
            return path.set(&mut self.values, Value::String(text));
        }
        match wording::reword(message, found) {
            Complaint::UnknownKey(message) | Complaint::Other(message) => {
                self.problem(self.near(path).cloned(), path, message);
            }
        }
        // An item of a list cannot be taken out alone: those behind it would get other names.
        let mut culprit = path.clone();
        while culprit.ends_with_index() {
            culprit = culprit.parent();
        }
        culprit.starts_with(at) && culprit.remove(&mut self.values)
    }

    /// Reports a key that no part knows.
    pub(crate) fn unknown(&mut self, path: &KeyPath) {
        let known: Vec<_> = match path.parent().get(&self.defaults) {
            Some(Value::Table(table)) => table.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        };
        let message = wording::unknown(path.last_key(), &known);
        self.problem(self.near(path).cloned(), path, message);
    }

    /// Reports something that is wrong with the value at `path`.
    pub(crate) fn wrong(&mut self, path: &KeyPath, message: String) {
        self.problem(self.near(path).cloned(), path, message);
    }

    /// The value at `path` in all layers together.
    pub(crate) fn get(&self, path: &KeyPath) -> Option<&Value> {
        path.get(&self.values)
    }

    /// Takes the value at `path` out of the layers.
    pub(crate) fn take(&mut self, path: &KeyPath) {
        path.remove(&mut self.values);
    }

    /// Everything that was found wrong, and where each value came from.
    pub(crate) fn finish(self) -> (Vec<Problem>, BTreeMap<KeyPath, Origin>) {
        (self.problems, self.origins)
    }

    fn merge(&mut self, path: &KeyPath, value: &DeValue<'_>, origin: &impl Fn(usize) -> Origin) {
        let DeValue::Table(table) = value else { return };
        for (key, value) in table {
            let path = path.clone().key(key.get_ref().as_ref());
            let offset = key.span().start;
            if let DeValue::Table(_) = value.get_ref() {
                if !path.get(&self.values).is_some_and(Value::is_table) {
                    path.set(&mut self.values, Value::Table(Table::new()));
                }
                self.origins.insert(path.clone(), origin(offset));
                self.merge(&path, value.get_ref(), origin);
            } else {
                let Some(plain) = plain(value) else {
                    self.problem(Some(origin(offset)), &path, "is a number too large to hold".to_owned());
                    continue;
                };
                self.set(path.clone(), plain, origin(offset));
                self.remember_items(&path, value.get_ref(), origin);
            }
        }
    }

    /// Notes the origins of what stands inside a list.
    fn remember_items(&mut self, path: &KeyPath, value: &DeValue<'_>, origin: &impl Fn(usize) -> Origin) {
        let DeValue::Array(items) = value else { return };
        for (index, item) in items.iter().enumerate() {
            let path = path.clone().index(index);
            self.origins.insert(path.clone(), origin(item.span().start));
            if let DeValue::Table(table) = item.get_ref() {
                for (key, value) in table {
                    let path = path.clone().key(key.get_ref().as_ref());
                    self.origins.insert(path.clone(), origin(key.span().start));
                    self.remember_items(&path, value.get_ref(), origin);
                }
            }
        }
    }

    fn set(&mut self, path: KeyPath, value: Value, origin: Origin) {
        if path.set(&mut self.values, value) {
            self.origins.retain(|known, _| !known.starts_with(&path));
            self.origins.insert(path, origin);
        } else {
            self.problem(Some(origin), &path, "there is no such place in the configuration".to_owned());
        }
    }

    /// The origin of a value, or of the nearest thing around it that has one.
    fn near(&self, path: &KeyPath) -> Option<&Origin> {
        let mut path = path.clone();
        loop {
            if let Some(origin) = self.origins.get(&path) {
                return Some(origin);
            }
            if path.is_empty() {
                return None;
            }
            path = path.parent();
        }
    }

    fn problem(&mut self, origin: Option<Origin>, path: &KeyPath, message: String) {
        self.problems.push(Problem { origin, key: path.to_string(), message });
    }

    fn problem_in_file(&mut self, path: &Path, line: usize, message: String) {
        self.problem(Some(Origin::File { path: path.to_owned(), line }), &KeyPath::default(), message);
    }
}

/// The line of a byte offset, from 1.
fn line_at(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

/// A value without its place; none if it is a number that does not fit.
fn plain(value: &Spanned<DeValue<'_>>) -> Option<Value> {
    Some(match value.get_ref() {
        DeValue::String(text) => Value::String(text.clone().into_owned()),
        DeValue::Integer(number) => {
            Value::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok()?)
        }
        DeValue::Float(number) => Value::Float(number.as_str().parse().ok()?),
        DeValue::Boolean(truth) => Value::Boolean(*truth),
        DeValue::Datetime(time) => Value::Datetime(*time),
        DeValue::Array(items) => Value::Array(items.iter().map(plain).collect::<Option<_>>()?),
        DeValue::Table(table) => Value::Table(
            table
                .iter()
                .map(|(key, value)| Some((key.get_ref().clone().into_owned(), plain(value)?)))
                .collect::<Option<_>>()?,
        ),
    })
}

/// A value of the environment: what it is as TOML, else the text itself.
fn literal(text: String) -> Value {
    match toml::from_str::<Table>(&format!("value = {text}")) {
        Ok(mut table) if table.len() == 1 => table.remove("value").unwrap_or(Value::String(text)),
        _ => Value::String(text),
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Section {
        seed: u64,
        name: String,
        rate: f64,
        list: Vec<u32>,
        inner: Inner,
    }

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    struct Inner {
        on: bool,
        kind: Kind,
    }

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        #[default]
        Simulate,
        Trades,
    }

    fn layers() -> Layers {
        let mut defaults = Table::new();
        defaults.insert("part".to_owned(), Value::try_from(Section::default()).unwrap());
        Layers::over(Value::Table(defaults))
    }

    fn file(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.toml");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    /// The section, and the problems without the folder of the file.
    fn read(mut layers: Layers) -> (Section, Vec<String>) {
        let section = layers.read(&KeyPath::default().join_dotted("part")).unwrap();
        let problems = layers.finish().0;
        let text = |p: &Problem| {
            let text = p.to_string();
            text.rsplit_once('/').map_or(text.clone(), |(_, tail)| tail.to_owned())
        };
        (section, problems.iter().map(text).collect())
    }

    fn variables(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        pairs.iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    #[test]
    fn the_stronger_layer_wins() {
        let (_folder, path) = file("[part]\nseed = 1\nname = 'file'\nrate = 1\n");
        let environment = variables(&[
            ("MILLRACE_PART__SEED", "2"),
            ("MILLRACE_PART__RATE", "2"),
            ("MILLRACE_SERVICES_DIR", "/"),
            ("HOME", "/"),
        ]);
        let layers = layers().file(&path).environment(environment).flag("--seed", "part.seed", 3);
        let (section, problems) = read(layers);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!((section.seed, section.name.as_str(), section.rate), (3, "file", 2.0));
    }

    #[test]
    fn every_problem_is_reported_with_its_line() {
        let (_folder, path) = file(
            "[part]\nseed = 'x'\nnmae = 'a'\nrate = true\nlist = [1, 'two']\n[part.inner]\non = 1\nkin = 2\nkind = 'trade'\n",
        );
        let (section, mut problems) = read(layers().file(&path));
        problems.sort();
        assert_eq!(
            problems,
            [
                "c.toml:2: part.seed: expected a whole number, not negative, found \"x\"",
                "c.toml:3: part.nmae: no such key; did you mean `name`?",
                "c.toml:4: part.rate: expected a number, found true",
                "c.toml:5: part.list[1]: expected a whole number from 0 to 4294967295, found \"two\"",
                "c.toml:7: part.inner.on: expected true or false, found 1",
                "c.toml:8: part.inner.kin: no such key; did you mean `kind`?",
                "c.toml:9: part.inner.kind: expected \"simulate\" or \"trades\", found \"trade\"; did you mean \"trades\"?",
            ]
        );
        assert_eq!(section, Section::default(), "the defaults stand where the file is wrong");
    }

    #[test]
    fn text_of_the_environment_may_look_like_a_number() {
        let environment = variables(&[("MILLRACE_PART__NAME", "2026"), ("MILLRACE_PART__LIST", "[1, 2]")]);
        let (section, problems) = read(layers().environment(environment));
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!((section.name.as_str(), section.list), ("2026", vec![1, 2]));
    }

    #[test]
    fn a_wrong_variable_is_named() {
        let environment = variables(&[("MILLRACE_PART__SED", "1"), ("MILLRACE_PART__SEED", "many")]);
        let (_, mut problems) = read(layers().environment(environment));
        problems.sort();
        assert_eq!(
            problems,
            [
                "environment variable MILLRACE_PART__SED: part.sed: no such key; did you mean `seed`?",
                "environment variable MILLRACE_PART__SEED: part.seed: expected a whole number, not negative, found \"many\"",
            ]
        );
    }

    #[test]
    fn broken_toml_is_reported_with_every_line() {
        let (_folder, path) = file("[part]\nseed = \nname = 'a'\nrate = = 2\n");
        let (_, problems) = read(layers().file(&path));
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].starts_with("c.toml:2: not TOML: "), "{problems:?}");
        assert!(problems[1].starts_with("c.toml:4: not TOML: "), "{problems:?}");
    }

    #[test]
    fn a_file_that_is_not_there_is_a_problem() {
        let (_, problems) = read(layers().file(Path::new("/no/such/file.toml")));
        assert!(problems[0].starts_with("file.toml: cannot be read: "), "{problems:?}");
    }

    #[test]
    fn a_section_that_is_no_table_is_a_problem() {
        let (_folder, path) = file("part = 5\n");
        let (section, problems) = read(layers().file(&path));
        assert_eq!(problems, ["c.toml:1: part: expected a table, found 5"]);
        assert_eq!(section, Section::default());
    }
}
