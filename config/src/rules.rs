//! Files of alert rules: TOML with a table `[[rules]]` for each, or JSON with a list of them.
//!
//! Each rule is read by itself, so one that is wrong is named, with the path of the field and what would be
//! right, and the others go on. Only a file that cannot be read at all is an error.

use std::collections::BTreeSet;
use std::path::Path;

use model::Rule;
use serde_json::Value;

use crate::problem::{Origin, Problem, Problems};

/// Content of a file of rules.
#[derive(Debug, Default)]
pub struct RuleFile {
    /// The rules that are right.
    pub rules: Vec<Rule>,
    /// Problems of the others.
    pub problems: Vec<Problem>,
}

/// Reads a file of rules.
///
/// # Errors
/// When it cannot be read as TOML or JSON, or holds no list of rules.
pub fn read_rules(path: &Path) -> Result<RuleFile, Problems> {
    let problem = |key: String, message: String| Problem {
        origin: Some(Origin::File { path: path.to_owned(), line: 0 }),
        key,
        message,
    };
    let whole = |message: String| Problems(vec![problem(String::new(), message)]);
    let text = std::fs::read_to_string(path).map_err(|error| whole(format!("cannot be read: {error}")))?;
    let is_json = path.extension().is_some_and(|extension| extension == "json");
    let tree: Value = if is_json {
        serde_json::from_str(&text).map_err(|error| whole(error.to_string()))?
    } else {
        toml::from_str(&text).map_err(|error| whole(error.to_string().trim_end().to_owned()))?
    };
    let rules = match tree {
        Value::Array(rules) => rules,
        Value::Object(mut tree) => match (tree.remove("rules"), tree.keys().next()) {
            (Some(Value::Array(rules)), None) => rules,
            (_, Some(other)) => return Err(whole(format!("`{other}` is not known: there is `rules` only"))),
            _ => {
                return Err(whole("must hold a list `rules`: in TOML a table [[rules]] for each".to_owned()));
            }
        },
        _ => return Err(whole("must be a list of rules".to_owned())),
    };
    let line = |at: usize, key: &str| if is_json { 0 } else { line_of(&text, at, key) };
    let problem = |at: usize, key: &str, message: String| Problem {
        origin: Some(Origin::File { path: path.to_owned(), line: line(at, key) }),
        key: format!("rules[{at}]{}{key}", if key.is_empty() { "" } else { "." }),
        message,
    };
    let mut file = RuleFile::default();
    let mut names = BTreeSet::new();
    for (at, value) in rules.into_iter().enumerate() {
        match rule(value) {
            Ok(rule) if names.insert((rule.id.clone(), rule.version)) => file.rules.push(rule),
            Ok(rule) => {
                let message =
                    format!("is {}, which an earlier rule of version {} has", rule.id, rule.version);
                file.problems.push(problem(at, "id", message));
            }
            Err(wrong) => {
                file.problems.extend(wrong.into_iter().map(|(key, message)| problem(at, &key, message)));
            }
        }
    }
    Ok(file)
}

/// The line of a rule's field, or of the rule where the field has none; 0 where rules are no tables of their own.
fn line_of(text: &str, at: usize, key: &str) -> usize {
    let is_rule = |line: &str| line.trim_start().starts_with("[[rules]]");
    let Some((rule, _)) = text.lines().enumerate().filter(|(_, line)| is_rule(line)).nth(at) else {
        return 0;
    };
    let field = key.split(['.', '[']).next().unwrap_or(key);
    let is_field = |line: &str| line.split_once('=').is_some_and(|(name, _)| name.trim() == field);
    let within = text.lines().enumerate().skip(rule + 1).take_while(|(_, line)| !is_rule(line));
    let found = within.filter(|(_, line)| is_field(line)).map(|(at, _)| at).next();
    found.unwrap_or(rule) + 1
}

/// Reads one rule; what is wrong with it, by path.
fn rule(value: Value) -> Result<Rule, Vec<(String, String)>> {
    let rule: Rule = serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { String::new() } else { path };
        vec![(path, error.inner().to_string())]
    })?;
    let problems = rule.problems();
    if problems.is_empty() { Ok(rule) } else { Err(problems) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<RuleFile, Problems> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        read_rules(&path)
    }

    const SOL: &str = "So11111111111111111111111111111111111111112";

    #[test]
    fn what_is_wrong_is_named_and_the_others_go_on() {
        let text = format!(
            "[[rules]]\nid = 'right'\nkind = 'price_above'\nscope = {{ mint = '{SOL}' }}\nthreshold = 3\n\
             [[rules]]\nid = 'kind'\nkind = 'price_abov'\nscope = {{ mint = '{SOL}' }}\nthreshold = 3\n\
             [[rules]]\nid = 'field'\nkind = {{ price_move = {{ window = 5 }} }}\nscope = {{ all = {{}} }}\n\
             [[rules]]\nid = 'value'\nkind = {{ whale_trade = {{}} }}\nscope = {{ all = {{}} }}\n\
             [[rules]]\nid = 'right'\nkind = 'completed'\nscope = {{ all = {{}} }}\n\
             [[rules]]\nid = 'too'\nkind = 'completed'\nscope = {{ all = {{}} }}\n"
        );
        let file = read("rules.toml", &text).unwrap();
        let ids: Vec<&str> = file.rules.iter().map(|rule| rule.id.as_str()).collect();
        assert_eq!(ids, ["right", "too"]);
        let keys: Vec<&str> = file.problems.iter().map(|problem| problem.key.as_str()).collect();
        assert!(keys[0].starts_with("rules[1].kind"), "{keys:?}");
        assert!(file.problems[0].message.contains("price_above"), "{}", file.problems[0].message);
        assert!(keys[1].starts_with("rules[2].kind.price_move"), "{keys:?}");
        assert_eq!(keys[2], "rules[3].threshold");
        assert_eq!(keys[3], "rules[4].id");
    }

    #[test]
    fn json_says_the_same() {
        let rule = format!(r#"{{"id": "a", "kind": "migrated", "scope": {{"mint": "{SOL}"}}}}"#);
        for text in [format!("[{rule}]"), format!(r#"{{"rules": [{rule}]}}"#)] {
            assert_eq!(read("rules.json", &text).unwrap().rules.len(), 1);
        }
    }

    #[test]
    fn a_file_without_rules_is_an_error() {
        for (name, text) in
            [("a.toml", "rules = 3"), ("a.toml", "[[rule]]\nid = 'x'"), ("a.toml", "id ="), ("a.json", "3")]
        {
            assert!(read(name, text).is_err(), "{text}");
        }
        assert!(read_rules(Path::new("there/is/none.toml")).is_err());
    }

    #[test]
    fn the_example_holds_one_rule_of_each_kind() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/rules.toml");
        let file = read_rules(&path).unwrap();
        assert_eq!(file.problems, []);
        let kinds: BTreeSet<&str> = file.rules.iter().map(|rule| rule.kind.name()).collect();
        assert_eq!(kinds.len(), 25, "{kinds:?}");
    }
}
