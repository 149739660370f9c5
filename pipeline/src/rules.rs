//! Files of alert rules as events that seed the collection of rules.

use std::path::{Path, PathBuf};

use config::{Problem, Problems};
use model::{Control, Event, Reject, RejectReason, Rule};

use crate::console::Console;

/// What refuses rules in files that are followed.
pub(crate) const NAME: &str = "rules";

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
        rules.events.extend(added(file.rules));
    }
    Ok(rules)
}

/// What files of rules hold, each rule that is wrong as a reject with the path of the field.
pub(crate) fn events(paths: &[PathBuf]) -> Vec<Event> {
    let mut events = Vec::new();
    for path in paths {
        let (rules, problems) = match config::read_rules(path) {
            Ok(file) => (file.rules, file.problems),
            Err(Problems(problems)) => (Vec::new(), problems),
        };
        events.extend(added(rules));
        events.extend(problems.into_iter().map(|problem| Event::Reject(refused(path, problem))));
    }
    events
}

fn added(rules: Vec<Rule>) -> impl Iterator<Item = Event> {
    rules.into_iter().map(|rule| Event::Control(Control::AddRule(Box::new(rule))))
}

fn refused(path: &Path, problem: Problem) -> Reject {
    Reject {
        source: NAME.to_owned(),
        cursor: match &problem.origin {
            Some(place) => format!("{place}: {}", problem.key),
            None => format!("{}: {}", path.display(), problem.key),
        },
        reason: RejectReason::Malformed,
        program: None,
        signature: None,
        slot: None,
        detail: problem.message,
    }
}
