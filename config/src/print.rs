//! Writes a configuration with a comment behind each value that says where it came from.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use toml::{Table, Value};

use crate::path::KeyPath;
use crate::problem::Origin;

/// TOML text of `tree`; values without an origin are defaults.
pub(crate) fn annotated(tree: &Value, origins: &BTreeMap<KeyPath, Origin>) -> String {
    let mut text = String::new();
    if let Value::Table(table) = tree {
        write_table(&mut text, table, &KeyPath::default(), "", origins);
    }
    text
}

/// Values first, then tables: after a table's header everything belongs to it.
fn write_table(
    text: &mut String,
    table: &Table,
    path: &KeyPath,
    header: &str,
    origins: &BTreeMap<KeyPath, Origin>,
) {
    for (key, value) in table.iter().filter(|(_, value)| !is_section(value)) {
        let path = path.clone().key(key);
        // Writing to a string does not fail.
        let _ = match origins.get(&path) {
            Some(origin) => writeln!(text, "{} = {value} # {origin}", spelled(key)),
            None => writeln!(text, "{} = {value} # default", spelled(key)),
        };
    }
    for (key, value) in table.iter().filter(|(_, value)| is_section(value)) {
        let path = path.clone().key(key);
        let header = if header.is_empty() { spelled(key) } else { format!("{header}.{}", spelled(key)) };
        match value {
            Value::Table(inner) => {
                let _ = write!(text, "\n[{header}]\n");
                write_table(text, inner, &path, &header, origins);
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let Value::Table(inner) = item else { continue };
                    let _ = write!(text, "\n[[{header}]]\n");
                    write_table(text, inner, &path.clone().index(index), &header, origins);
                }
            }
            _ => {}
        }
    }
}

/// True for what is written under a header of its own.
fn is_section(value: &Value) -> bool {
    match value {
        Value::Table(_) => true,
        Value::Array(items) => !items.is_empty() && items.iter().all(Value::is_table),
        _ => false,
    }
}

/// A key as TOML spells it: bare where it can be.
fn spelled(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if bare { key.to_owned() } else { Value::from(key).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_where_each_value_came_from_and_reads_back() {
        let text = "a = 1\n[b]\n'odd key' = \"x\"\n[[b.list]]\nc = [1, 2]\n[[b.list]]\nc = []\n";
        let tree = Value::Table(toml::from_str(text).unwrap());
        let path = KeyPath::default().join_dotted("b.list.0.c");
        let origins = BTreeMap::from([(path, Origin::Flag("--c".to_owned()))]);
        let printed = annotated(&tree, &origins);
        assert_eq!(
            printed,
            "a = 1 # default\n\n[b]\n\"odd key\" = \"x\" # default\n\n[[b.list]]\nc = [1, 2] # flag --c\n\n\
             [[b.list]]\nc = [] # default\n"
        );
        assert_eq!(Value::Table(toml::from_str(&printed).unwrap()), tree);
    }
}
