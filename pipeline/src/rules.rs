//! Files of alert rules as events that seed the collection of rules.

use std::path::PathBuf;

use model::{Control, Event};

use crate::console::Console;

/// What files of rules hold.
pub(crate) struct Rules {
    /// The rules that are right, as they come in.
    pub(crate) events: Vec<Event>,
    /// True if there are others.
    pub(crate) are_refused: bool,
}

/// Reads files of rules, and says what is wrong with those that are refused.
pub(crate) fn read(paths: &[PathBuf], console: &Console) -> anyhow::Result<Rules> {
    let mut rules = Rules { events: Vec::new(), are_refused: false };
    for path in paths {
        let file = config::read_rules(path)?;
        for problem in &file.problems {
            console.complain(&format!("refused: {problem}"));
        }
        rules.are_refused |= !file.problems.is_empty();
        let added = file.rules.into_iter().map(|rule| Event::Control(Control::AddRule(Box::new(rule))));
        rules.events.extend(added);
    }
    Ok(rules)
}
