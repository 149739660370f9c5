//! JSON documents out of files: one a line, or one over many lines, told apart as they come.
//!
//! A line that is a whole document is one. A line that only begins one is continued by the lines after
//! it, until all its brackets are closed. A line that was cut off would swallow what comes after it, so
//! a line that is a whole object by itself ends the wait: what was begun before is reported as broken.
//! At no time more than one document is in memory.
//!
//! Lines in a row that are no JSON are reported once, so that a file of another kind gives one report.
//!
//! A file that begins with the names of columns is CSV ([`crate::columns`]): each further line is the object that its
//! columns make.

use std::io::{BufRead, Read};
use std::path::PathBuf;

use serde::de::DeserializeOwned;

use crate::columns::Columns;
use crate::files::Files;

/// The longest line and the longest document that are read, in bytes: the largest blocks, many times over.
const BYTES_MAX: usize = 512 * 1024 * 1024;

/// One document, or one report of something that is none.
#[derive(Debug)]
pub(crate) struct Document<T> {
    /// `path:line` of where it begins, or `path`.
    pub(crate) cursor: String,
    /// It, or what is wrong with it.
    pub(crate) content: Result<T, String>,
}

/// Reads documents, file after file.
pub(crate) struct Documents<T> {
    files: Files,
    open: Option<Open<T>>,
}

/// The file that is being read.
struct Open<T> {
    path: String,
    reader: Box<dyn BufRead + Send>,
    /// Number of the last line read.
    line: u64,
    /// The columns, if it is CSV.
    columns: Option<Columns>,
    /// A document that is not whole yet.
    begun: Option<Begun>,
    /// Lines in a row that are no JSON.
    broken: Option<Broken>,
    /// A document that waits, because a report of what was before it goes first.
    ready: Option<Document<T>>,
}

struct Begun {
    line: u64,
    bytes: Vec<u8>,
    brackets: Brackets,
}

struct Broken {
    line: u64,
    error: String,
    more: u64,
}

/// What a line came to.
enum Outcome<T> {
    Document(u64, Result<T, String>),
    Broken(u64, String),
    Nothing,
}

impl<T: DeserializeOwned> Documents<T> {
    pub(crate) fn new(paths: &[PathBuf]) -> Self {
        Self { files: Files::new(paths), open: None }
    }

    pub(crate) const fn files(&self) -> &Files {
        &self.files
    }

    /// The next document or report; none at the end of the last file.
    pub(crate) fn next(&mut self) -> Option<Document<T>> {
        loop {
            let Some(open) = &mut self.open else {
                let opened = self.files.next()?;
                match opened.content {
                    Ok(reader) => self.open = Some(Open::new(opened.path, reader)),
                    Err(error) => {
                        let content = Err(format!("cannot be read: {error}"));
                        return Some(Document { cursor: opened.path, content });
                    }
                }
                continue;
            };
            match open.next() {
                Some(document) => return Some(document),
                None => self.open = None,
            }
        }
    }
}

impl<T: DeserializeOwned> Open<T> {
    fn new(path: String, reader: Box<dyn BufRead + Send>) -> Self {
        Self { path, reader, line: 0, columns: None, begun: None, broken: None, ready: None }
    }

    fn document(&self, line: u64, content: Result<T, String>) -> Document<T> {
        Document { cursor: format!("{}:{line}", self.path), content }
    }

    /// The next document or report of this file; none at its end.
    fn next(&mut self) -> Option<Document<T>> {
        if let Some(document) = self.ready.take() {
            return Some(document);
        }
        loop {
            let line = match self.read_line() {
                Ok(Some(line)) => line,
                Ok(None) => return self.finish(),
                Err(error) => {
                    // Nothing after it can be read either; the line after the end is the end.
                    self.begun = None;
                    self.reader = Box::new(std::io::empty());
                    return Some(self.document(self.line + 1, Err(format!("cannot be read on: {error}"))));
                }
            };
            match self.take(&line) {
                Outcome::Nothing => {}
                Outcome::Broken(at, error) => self.add_broken(at, error),
                Outcome::Document(at, content) => {
                    let document = self.document(at, content);
                    let Some(report) = self.report() else { return Some(document) };
                    self.ready = Some(document);
                    return Some(report);
                }
            }
        }
    }

    /// The next line without its end.
    fn read_line(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let limit = u64::try_from(BYTES_MAX).unwrap_or(u64::MAX);
        let count = self.reader.by_ref().take(limit).read_until(b'\n', &mut line)?;
        if count == 0 {
            return Ok(None);
        }
        self.line += 1;
        while line.last().is_some_and(u8::is_ascii_whitespace) {
            line.pop();
        }
        Ok(Some(line))
    }

    fn take(&mut self, line: &[u8]) -> Outcome<T> {
        if line.is_empty() {
            return Outcome::Nothing;
        }
        if self.line == 1 {
            self.columns = Columns::read(line);
            if self.columns.is_some() {
                return Outcome::Nothing;
            }
        }
        if let Some(columns) = &self.columns {
            let object = columns.object(line);
            let content = object.and_then(|object| serde_json::from_str(&object).map_err(|e| e.to_string()));
            return Outcome::Document(self.line, content);
        }
        if self.begun.is_none() {
            return self.begin(line);
        }
        // A whole object at the start of a line is no part of another object, as documents are printed.
        let is_within_object = self.begun.as_ref().is_some_and(|begun| begun.bytes.first() == Some(&b'{'));
        if is_within_object
            && line.first() == Some(&b'{')
            && line.last() == Some(&b'}')
            && let Ok(content) = serde_json::from_slice(line)
        {
            if let Some(begun) = self.begun.take() {
                self.add_broken(begun.line, "was cut off before its end".to_owned());
            }
            return Outcome::Document(self.line, Ok(content));
        }
        self.go_on(line)
    }

    /// A line at which a document may begin.
    fn begin(&mut self, line: &[u8]) -> Outcome<T> {
        match serde_json::from_slice(line) {
            Ok(content) => Outcome::Document(self.line, Ok(content)),
            Err(error) if error.is_eof() => {
                let mut brackets = Brackets::default();
                brackets.read(line);
                if brackets.in_text || brackets.depth <= 0 {
                    return Outcome::Broken(self.line, format!("was cut off before its end: {error}"));
                }
                self.begun = Some(Begun { line: self.line, bytes: line.to_owned(), brackets });
                Outcome::Nothing
            }
            Err(error) if error.is_data() => Outcome::Document(self.line, Err(error.to_string())),
            Err(error) => Outcome::Broken(self.line, format!("is no JSON: {error}")),
        }
    }

    /// A line that continues the document that was begun.
    fn go_on(&mut self, line: &[u8]) -> Outcome<T> {
        let Some(mut begun) = self.begun.take() else { return Outcome::Nothing };
        begun.brackets.read(line);
        begun.bytes.push(b'\n');
        begun.bytes.extend_from_slice(line);
        if begun.brackets.in_text {
            return Outcome::Broken(
                begun.line,
                format!("is no JSON: line {} ends within a string", self.line),
            );
        }
        if begun.bytes.len() > BYTES_MAX {
            return Outcome::Broken(begun.line, format!("is longer than {BYTES_MAX} bytes"));
        }
        if begun.brackets.depth > 0 {
            self.begun = Some(begun);
            return Outcome::Nothing;
        }
        match serde_json::from_slice(&begun.bytes) {
            Ok(content) => Outcome::Document(begun.line, Ok(content)),
            Err(error) if error.is_data() => Outcome::Document(begun.line, Err(error.to_string())),
            Err(error) => Outcome::Broken(begun.line, format!("is no JSON: {error}")),
        }
    }

    fn add_broken(&mut self, line: u64, error: String) {
        match &mut self.broken {
            Some(broken) => broken.more += 1,
            None => self.broken = Some(Broken { line, error, more: 0 }),
        }
    }

    /// The report of the broken lines so far.
    fn report(&mut self) -> Option<Document<T>> {
        let Broken { line, error, more } = self.broken.take()?;
        let error = if more == 0 { error } else { format!("{error}; so are {more} more lines after it") };
        Some(self.document(line, Err(error)))
    }

    /// What is left to report at the end of the file.
    fn finish(&mut self) -> Option<Document<T>> {
        if let Some(begun) = self.begun.take() {
            self.add_broken(begun.line, "was cut off: the file ends before the document does".to_owned());
        }
        self.report()
    }
}

/// How deep in brackets a document is, read piece by piece.
#[derive(Default)]
struct Brackets {
    depth: i64,
    in_text: bool,
    escaped: bool,
}

impl Brackets {
    fn read(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_text => self.escaped = true,
                b'"' => self.in_text = !self.in_text,
                b'{' | b'[' if !self.in_text => self.depth += 1,
                b'}' | b']' if !self.in_text => self.depth -= 1,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// What a file with this content gives: cursors without the path, and documents or reports.
    fn read(content: &[u8]) -> Vec<(u64, Result<Value, String>)> {
        let mut open = Open::<Value>::new("f".to_owned(), Box::new(std::io::Cursor::new(content.to_owned())));
        std::iter::from_fn(|| open.next())
            .map(|document| (document.cursor[2..].parse().unwrap(), document.content))
            .collect()
    }

    fn places(content: &str) -> Vec<(u64, bool)> {
        read(content.as_bytes()).into_iter().map(|(line, content)| (line, content.is_ok())).collect()
    }

    #[test]
    fn one_document_a_line() {
        assert_eq!(places("{\"a\":1}\n\n{\"a\":2}\n[3]"), [(1, true), (3, true), (4, true)]);
    }

    #[test]
    fn one_document_over_many_lines_and_several_of_them() {
        assert_eq!(places("{\n  \"a\": [\n    1\n  ]\n}\n{\n\"b\": \"}\"\n}\n"), [(1, true), (6, true)]);
        assert_eq!(places("[\n{\"a\":1},\n{\"a\":2}\n]\n"), [(1, true)]);
    }

    #[test]
    fn a_line_that_was_cut_off_does_not_swallow_the_next() {
        for cut in ["{\"a\":1,", "{\"a\":\"x", "{\"a\":[1,2", "{"] {
            let text = format!("{{\"a\":0}}\n{cut}\n{{\"a\":2}}\n{{\"a\":3}}\n");
            assert_eq!(places(&text), [(1, true), (2, false), (3, true), (4, true)], "{cut}");
        }
        assert_eq!(places("{\"a\":1}\n{\"a\":"), [(1, true), (2, false)]);
    }

    #[test]
    fn a_file_of_another_kind_gives_one_report() {
        let garbage: Vec<u8> = (0..4000u32).map(|i| u8::try_from(i * 7919 % 251).unwrap()).collect();
        let found = read(&[b"\x7fELF\n".as_slice(), &garbage].concat());
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].1.as_ref().unwrap_err().contains("no JSON"));
    }

    #[test]
    fn a_broken_line_between_good_ones_is_one_report() {
        assert_eq!(places("{\"a\":1}\nhello\n{\"a\":2}\n"), [(1, true), (2, false), (3, true)]);
    }

    #[test]
    fn a_document_over_many_lines_follows_a_report() {
        assert_eq!(places("hello\n{\n\"a\": 1\n}\n{\"a\":2}\n"), [(1, false), (2, true), (5, true)]);
    }

    #[test]
    fn a_document_of_another_shape_is_reported_by_itself() {
        let mut open =
            Open::<u8>::new("f".to_owned(), Box::new(std::io::Cursor::new(b"1\n\"x\"\n2\n".to_vec())));
        let found: Vec<_> = std::iter::from_fn(|| open.next()).map(|d| d.content.ok()).collect();
        assert_eq!(found, [Some(1), None, Some(2)]);
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(read(&bytes).len() <= bytes.len() + 1);
        }

        #[test]
        fn whole_objects_are_found_whatever_stands_between(
            lines in prop::collection::vec("\\{\"a\":[0-9]\\}|[a-z{\",:]{1,8}", 0..12),
        ) {
            let good = lines.iter().filter(|line| serde_json::from_str::<Value>(line).is_ok_and(|v| v.is_object())).count();
            let found = read(lines.join("\n").as_bytes()).iter().filter(|(_, content)| content.as_ref().is_ok_and(Value::is_object)).count();
            prop_assert_eq!(found, good);
        }
    }
}
