//! Says a deserializer's complaint in the words of someone who edits a TOML file.
//!
//! serde reports `invalid type: string "x", expected u64` and `` unknown field `sed`, expected one of
//! … ``. Both forms are fixed by serde's own `Error` trait, so they are taken apart here; a message of
//! another form (a part's own check) passes unchanged.

use toml::Value;

/// A complaint that was understood.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Complaint {
    /// The key is not one of those that are known here.
    UnknownKey(String),
    /// Anything else.
    Other(String),
}

/// Rewords `message`, which is about `found`.
pub(crate) fn reword(message: &str, found: Option<&Value>) -> Complaint {
    if let Some(rest) = message.strip_prefix("unknown field ") {
        let mut names = quoted(rest);
        let name = names.next().unwrap_or_default();
        return Complaint::UnknownKey(unknown(name, &names.collect::<Vec<_>>()));
    }
    if let Some(rest) = message.strip_prefix("missing field ") {
        let name = quoted(rest).next().unwrap_or(rest);
        return Complaint::Other(format!("`{name}` is missing"));
    }
    if let Some(rest) = message.strip_prefix("unknown variant ") {
        let mut names = quoted(rest);
        let name = names.next().unwrap_or_default();
        return Complaint::Other(unknown_choice(name, &names.collect::<Vec<_>>()));
    }
    let typed = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    if let Some((_, expected)) = typed.and_then(|rest| rest.rsplit_once(", expected ")) {
        let found = found.map_or_else(|| "nothing".to_owned(), describe);
        return Complaint::Other(format!("expected {}, found {found}", kind(expected)));
    }
    Complaint::Other(message.trim_end().to_owned())
}

/// Message for an unknown key, given the known ones.
pub(crate) fn unknown(name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(near) => format!("no such key; did you mean `{near}`?"),
        None if known.is_empty() => "no such key; none is expected here".to_owned(),
        None => format!("no such key; expected {}", one_of(known, '`')),
    }
}

/// Message for a word that is none of the choices.
pub(crate) fn unknown_choice(name: &str, choices: &[&str]) -> String {
    let hint = nearest(name, choices).map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"));
    format!("expected {}, found \"{name}\"{hint}", one_of(choices, '"'))
}

/// The known name that was most likely meant.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), *candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// The names as a sentence lists them.
pub(crate) fn one_of(names: &[&str], quote: char) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("{quote}{name}{quote}")).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, front)) => format!("{} or {last}", front.join(", ")),
        None => "nothing".to_owned(),
    }
}

/// The parts of `text` between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn kind(expected: &str) -> String {
    let kind = match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number, not negative",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" | "bool" => "true or false",
        "string only" | "string" | "str" => "a string",
        "a sequence" => "a list",
        "a map" => "a table",
        other if other.starts_with("struct ") => "a table",
        other => other,
    };
    kind.to_owned()
}

/// A value as it would be written, if it is short.
pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::Array(_) => "a list".to_owned(),
        Value::Table(_) => "a table".to_owned(),
        other => {
            let text = other.to_string();
            if text.chars().count() > 60 {
                format!("{}…", text.chars().take(60).collect::<String>())
            } else {
                text
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_named_as_in_toml() {
        assert_eq!(
            reword("invalid type: string \"x\", expected u64", Some(&Value::from("x"))),
            Complaint::Other("expected a whole number, not negative, found \"x\"".to_owned())
        );
        assert_eq!(
            reword("invalid type: sequence, expected a boolean", Some(&Value::Array(Vec::new()))),
            Complaint::Other("expected true or false, found a list".to_owned())
        );
    }

    #[test]
    fn an_unknown_key_gets_the_nearest_known_one() {
        assert_eq!(
            reword("unknown field `wokers`, expected one of `speed`, `workers`", None),
            Complaint::UnknownKey("no such key; did you mean `workers`?".to_owned())
        );
        assert_eq!(
            reword("unknown field `zzz`, expected `speed` or `workers`", None),
            Complaint::UnknownKey("no such key; expected `speed` or `workers`".to_owned())
        );
        assert_eq!(unknown("zzz", &[]), "no such key; none is expected here");
    }

    #[test]
    fn an_unknown_choice_lists_the_choices() {
        assert_eq!(
            reword("unknown variant `simulat`, expected `simulate` or `trades`", None),
            Complaint::Other(
                "expected \"simulate\" or \"trades\", found \"simulat\"; did you mean \"simulate\"?"
                    .to_owned()
            )
        );
    }

    #[test]
    fn a_message_of_a_part_passes() {
        assert_eq!(reword("must be even", None), Complaint::Other("must be even".to_owned()));
    }
}
