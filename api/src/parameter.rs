//! Parameters: what a route takes, how it is checked, and what was said.
//!
//! All that is wrong with a request is told at once, with what would be right. A parameter that no route knows is
//! refused, since a filter that is passed over in silence gives a wrong answer.

use std::collections::BTreeMap;

use model::{Address, Value};

use crate::problem::{Field, Problem};

/// What a parameter may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Form {
    /// Text of so many characters at most, at least one.
    Text(usize),
    /// Base58 of 32 bytes.
    Address,
    /// Several of those, with commas between, so many at most.
    Addresses(usize),
    /// A whole number within these bounds.
    Count(u64, u64),
    /// A number.
    Number,
    /// `true`, `1`, `false` or `0`.
    Flag,
    /// One of these.
    Choice(&'static [&'static str]),
    /// Several of these, with commas between.
    Choices(&'static [&'static str]),
    /// Names with commas between.
    Names,
}

/// One parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) form: Form,
    /// What holds if nothing is said.
    pub(crate) default: Option<&'static str>,
    pub(crate) doc: &'static str,
}

impl Parameter {
    pub(crate) const fn new(name: &'static str, form: Form, doc: &'static str) -> Self {
        Self { name, form, default: None, doc }
    }

    pub(crate) const fn or(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }
}

/// A parameter as it was understood.
#[derive(Clone, Debug, PartialEq)]
enum Said {
    Text(String),
    Texts(Vec<String>),
    Count(u64),
    Number(f64),
    Flag(bool),
}

/// What a request asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ask {
    said: BTreeMap<&'static str, Said>,
    /// What of the query says what is asked for, and not which page of it: the name of a frozen order.
    pub(crate) subject: String,
}

/// Parameters of every route.
pub(crate) const EVERYWHERE: [Parameter; 1] = [Parameter::new(
    "min_as_of",
    Form::Count(0, u64::MAX >> 11),
    "Answers with nothing older than this frontier, in microseconds; waits up to 2 s for it.",
)];

impl Ask {
    /// Checks what was said against what is taken; `said` holds where each stood, its name and its text.
    pub(crate) fn read(
        parameters: &[Parameter],
        said: &[(&'static str, String, String)],
    ) -> Result<Self, Problem> {
        let mut ask = Self::default();
        let mut errors = Vec::new();
        let known = || parameters.iter().chain(&EVERYWHERE);
        for (place, name, text) in said {
            let wrong = |detail: String| Field { place, field: name.clone(), detail };
            match known().find(|parameter| parameter.name == name) {
                None => errors.push(wrong(unknown(name, known()))),
                Some(parameter) if ask.said.contains_key(parameter.name) => {
                    errors.push(wrong(format!("`{name}` is said twice")));
                }
                Some(parameter) => match parse(parameter.form, text) {
                    Ok(value) => {
                        ask.said.insert(parameter.name, value);
                        if !["cursor", "page", "limit", "fields", "min_as_of"].contains(&parameter.name) {
                            ask.subject.push_str(&format!("{name}={text}&"));
                        }
                    }
                    Err(expected) => errors.push(wrong(format!("`{name}` is {}; {expected}", shown(text)))),
                },
            }
        }
        for parameter in known() {
            if let (false, Some(default)) = (ask.said.contains_key(parameter.name), parameter.default)
                && let Ok(value) = parse(parameter.form, default)
            {
                ask.said.insert(parameter.name, value);
            }
        }
        if errors.is_empty() { Ok(ask) } else { Err(Problem::parameters(errors)) }
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.said.get(name) {
            Some(Said::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The text of a parameter of the path, which is always there.
    pub(crate) fn given(&self, name: &str) -> &str {
        self.text(name).unwrap_or_default()
    }

    /// The same as a value that a column can be.
    pub(crate) fn value(&self, name: &str) -> Option<Value> {
        match self.said.get(name)? {
            Said::Text(text) => Some(Value::text(text)),
            Said::Count(count) => Some(Value::Count(*count)),
            Said::Number(number) => Some(Value::Float(*number)),
            Said::Flag(flag) => Some(Value::Bool(*flag)),
            Said::Texts(_) => None,
        }
    }

    pub(crate) fn texts(&self, name: &str) -> Option<&[String]> {
        match self.said.get(name) {
            Some(Said::Texts(texts)) => Some(texts),
            _ => None,
        }
    }

    pub(crate) fn count(&self, name: &str) -> Option<u64> {
        match self.said.get(name) {
            Some(Said::Count(count)) => Some(*count),
            _ => None,
        }
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        match self.said.get(name) {
            Some(Said::Flag(flag)) => Some(*flag),
            _ => None,
        }
    }
}

/// What is said may be long, or hold what no terminal should see.
fn shown(text: &str) -> String {
    let short: String = text.chars().filter(|c| !c.is_control()).take(64).collect();
    if short.is_empty() { "empty".to_owned() } else { short }
}

fn unknown<'p>(name: &str, known: impl Iterator<Item = &'p Parameter>) -> String {
    let names: Vec<&str> = known.map(|parameter| parameter.name).collect();
    // `minLiquidity` means `min_liquidity`.
    let snake: String = name
        .chars()
        .flat_map(|c| {
            let lead = c.is_ascii_uppercase().then_some('_');
            lead.into_iter().chain(std::iter::once(c.to_ascii_lowercase()))
        })
        .take(64)
        .collect();
    let near = names
        .iter()
        .map(|known| (strsim::damerau_levenshtein(&snake, known), known))
        .min()
        .filter(|(distance, _)| *distance <= 2);
    match near {
        Some((_, near)) => format!("there is no `{}`; `{near}` is meant?", shown(name)),
        None => format!("there is no `{}`; there are {}", shown(name), names.join(", ")),
    }
}

fn parse(form: Form, text: &str) -> Result<Said, String> {
    let list = || text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty());
    match form {
        Form::Text(most) => {
            let is_right = !text.is_empty() && text.chars().count() <= most && !text.contains('\0');
            is_right.then(|| Said::Text(text.to_owned())).ok_or(format!("text of 1 to {most} characters"))
        }
        Form::Address => address(text).map(|()| Said::Text(text.to_owned())),
        Form::Addresses(most) => {
            let all: Vec<String> = list().collect();
            if all.is_empty() || all.len() > most {
                return Err(format!("from 1 to {most} addresses with commas between"));
            }
            all.iter().try_for_each(|each| address(each))?;
            Ok(Said::Texts(all))
        }
        Form::Count(least, most) => {
            let number = text.parse().ok().filter(|number| (least..=most).contains(number));
            number.map(Said::Count).ok_or(format!("a whole number from {least} to {most}"))
        }
        Form::Number => {
            let number = text.parse().ok().filter(|number: &f64| number.is_finite());
            number.map(Said::Number).ok_or("a number".to_owned())
        }
        Form::Flag => match text {
            "true" | "1" => Ok(Said::Flag(true)),
            "false" | "0" => Ok(Said::Flag(false)),
            _ => Err("true or false".to_owned()),
        },
        Form::Choice(choices) => {
            let is_one = choices.contains(&text);
            is_one.then(|| Said::Text(text.to_owned())).ok_or(format!("one of {}", choices.join(" ")))
        }
        Form::Choices(choices) => {
            let all: Vec<String> = list().collect();
            let are_right = !all.is_empty() && all.iter().all(|each| choices.contains(&each.as_str()));
            are_right.then_some(Said::Texts(all)).ok_or(format!("some of {}", choices.join(" ")))
        }
        Form::Names => Ok(Said::Texts(list().collect())),
    }
}

fn address(text: &str) -> Result<(), String> {
    let read: Result<Address, _> = text.parse();
    read.map(|_| ()).map_err(|_| "an address is base58 of 32 bytes".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAKEN: [Parameter; 4] = [
        Parameter::new("interval", Form::Choice(&["1s", "1m"]), "").or("1m"),
        Parameter::new("min_liquidity", Form::Number, ""),
        Parameter::new("limit", Form::Count(1, 500), "").or("50"),
        Parameter::new("mint", Form::Address, ""),
    ];

    fn ask(said: &[(&str, &str)]) -> Result<Ask, Problem> {
        let said: Vec<_> = said.iter().map(|(n, t)| ("query", (*n).to_owned(), (*t).to_owned())).collect();
        Ask::read(&TAKEN, &said)
    }

    #[test]
    fn what_is_not_said_has_its_default() {
        let ask = ask(&[("min_liquidity", "2.5")]).unwrap();
        assert_eq!(ask.text("interval"), Some("1m"));
        assert_eq!(ask.count("limit"), Some(50));
        assert_eq!(ask.value("min_liquidity"), Some(Value::Float(2.5)));
        assert_eq!(ask.value("mint"), None);
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once_with_what_would_be_right() {
        let problem = ask(&[
            ("interval", "2m"),
            ("limit", "0"),
            ("mint", "x"),
            ("minLiquidity", "1"),
            ("min_liquidity", "NaN"),
        ])
        .unwrap_err();
        let details: Vec<&str> = problem.errors.iter().map(|e| e.detail.as_str()).collect();
        assert_eq!(
            details,
            [
                "`interval` is 2m; one of 1s 1m",
                "`limit` is 0; a whole number from 1 to 500",
                "`mint` is x; an address is base58 of 32 bytes",
                "there is no `minLiquidity`; `min_liquidity` is meant?",
                "`min_liquidity` is NaN; a number",
            ]
        );
    }

    #[test]
    fn the_subject_is_what_is_asked_for_and_not_which_page_of_it() {
        let subject = |said| ask(said).unwrap().subject;
        assert_eq!(subject(&[("limit", "7"), ("interval", "1s")]), "interval=1s&");
        assert!(ask(&[("limit", "7"), ("limit", "8")]).is_err(), "said twice");
    }
}
