//! What people say in files that are followed while a run goes on: lists of wallets, alert rules.
//!
//! A file says what stands, and not what has changed since. So it is held against what has been said and not
//! taken back ([`Said`], which is in the checkpoints): what is new is added, what is gone is taken back, each
//! known since then; what the files hold when a new database begins was always known. Whoever wants a wallet
//! to leave a list says until when it was on it, with `valid_to`: an entry that is gone is one that was wrong.
//!
//! A file is read once it has been left alone from one look to the next, so that one that is being written is
//! not taken for a short one. While a line of it is wrong, or it is not there, nothing is taken back: a slip
//! of the pen must not wipe out a list.
//!
//! Files are looked at once a second by time and length, which works on every file system.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use model::{Control, Event, Reject, Time};
use serde::{Deserialize, Serialize};
use sources::lists::{self, Lists};

use crate::rules;

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What has been said and not been taken back, and since when each of it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Said(BTreeMap<Control, Time>);

impl Said {
    /// Takes in what is said.
    pub(crate) fn hear(&mut self, event: &Event) {
        let Event::Control(control) = event else { return };
        let statement = control.clone().statement();
        if control.is_taken_back() {
            self.0.remove(&statement);
        } else {
            self.0.insert(statement, control.known_from());
        }
    }
}

/// Files of one kind that are followed.
pub struct Followed {
    paths: Vec<PathBuf>,
    read: Read,
    is_theirs: fn(&Control) -> bool,
    /// How the files were at the last look, and when they were last read.
    seen: Vec<Option<Stamp>>,
    taken_in: Option<Vec<Option<Stamp>>>,
    look_at: Option<Instant>,
    /// What has been refused, to be told once.
    refused: BTreeSet<Reject>,
}

/// Reads what files say.
type Read = Box<dyn Fn(&[PathBuf]) -> Vec<Event> + Send>;

/// Tells whether a file was written.
type Stamp = (SystemTime, u64);

impl Followed {
    /// Follows alert rules.
    pub(crate) fn rules(paths: Vec<PathBuf>) -> Self {
        let is_theirs =
            |control: &Control| matches!(control, Control::AddRule(_) | Control::RemoveRule { .. });
        Self { read: Box::new(rules::events), is_theirs, ..Self::lists(paths) }
    }

    /// Follows lists of wallets.
    pub(crate) fn lists(paths: Vec<PathBuf>) -> Self {
        Self {
            paths,
            read: Box::new(|paths| Lists::read(&lists::Config { paths: paths.to_vec() }).into_events()),
            is_theirs: |control| {
                matches!(control, Control::AddListEntry(_) | Control::RemoveListEntry { .. })
            },
            seen: Vec::new(),
            taken_in: None,
            look_at: None,
            refused: BTreeSet::new(),
        }
    }

    /// Lists of wallets that are no files: what is said of them once.
    pub(crate) fn lists_of(said: impl Fn() -> Vec<Event> + Send + 'static) -> Self {
        Self { read: Box::new(move |_| said()), ..Self::lists(Vec::new()) }
    }

    /// The same of alert rules.
    pub(crate) fn rules_of(said: impl Fn() -> Vec<Event> + Send + 'static) -> Self {
        Self { read: Box::new(move |_| said()), ..Self::rules(Vec::new()) }
    }

    /// Appends what the files say that has not been said, and takes back what they say no more; `now` is since
    /// when that is known, none at the beginning of a new database.
    pub(crate) fn hear(&mut self, said: &Said, now: Option<Time>, events: &mut Vec<Event>) {
        if self.look_at.is_some_and(|at| Instant::now() < at) {
            return;
        }
        let is_first = self.look_at.is_none();
        self.look_at = Some(Instant::now() + LOOK);
        if self.is_written(is_first) {
            self.take_in(said, now, events);
        }
    }

    /// True if a file is another one than when they were last read, and all have been left alone since the
    /// last look.
    fn is_written(&mut self, is_first: bool) -> bool {
        let stamp = |path: &PathBuf| {
            let file = std::fs::metadata(path).ok()?;
            Some((file.modified().ok()?, file.len()))
        };
        let stamps: Vec<Option<Stamp>> = self.paths.iter().map(stamp).collect();
        let is_at_rest = is_first || stamps == self.seen;
        self.seen = stamps;
        is_at_rest && self.taken_in.as_ref() != Some(&self.seen)
    }

    fn take_in(&mut self, said: &Said, now: Option<Time>, events: &mut Vec<Event>) {
        self.taken_in = Some(self.seen.clone());
        let mut stands = BTreeSet::new();
        let mut is_whole = true;
        for event in (self.read)(&self.paths) {
            match event {
                Event::Control(control) => {
                    let statement = control.clone().statement();
                    let is_new = stands.insert(statement.clone()) && !said.0.contains_key(&statement);
                    let is_dated = control.known_from() > 0;
                    if is_new {
                        let known = now.filter(|_| !is_dated).unwrap_or(control.known_from());
                        events.push(Event::Control(control.since(known)));
                    }
                }
                Event::Reject(reject) => {
                    is_whole = false;
                    if self.refused.insert(reject.clone()) {
                        let Reject { source, cursor, detail, .. } = &reject;
                        tracing::warn!(%cursor, %detail, "refused in a file of {source} that is followed");
                        events.push(Event::Reject(reject));
                    }
                }
                Event::Chain(_) | Event::Slot(_) | Event::Quote(_) | Event::Mark(_) => {}
            }
        }
        let theirs = said.0.iter().filter(|(statement, _)| (self.is_theirs)(statement));
        for (statement, known) in theirs.filter(|(statement, _)| is_whole && !stands.contains(statement)) {
            let back = statement.clone().since(*known).taken_back(now.unwrap_or(*known));
            events.push(Event::Control(back));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const WALLETS: [&str; 2] =
        ["4Be9CvxqHW6BYiRAxW9Q3xu1ycTMWaL5z8NX4HR3ha7t", "So11111111111111111111111111111111111111112"];

    fn line(wallet: usize, more: &str) -> String {
        format!("{{\"list\": \"a\", \"trader\": \"{}\"{more}}}\n", WALLETS[wallet])
    }

    /// A follower that looks whenever it is asked, and what has been said.
    struct Run {
        followed: Followed,
        said: Said,
    }

    impl Run {
        fn new(path: &Path) -> Self {
            Self { followed: Followed::lists(vec![path.to_owned()]), said: Said::default() }
        }

        /// What a look brings: sign, wallet, since when known; or what is refused.
        fn look(&mut self, now: Option<Time>) -> Vec<String> {
            self.followed.look_at = self.followed.look_at.map(|_| Instant::now());
            let mut events = Vec::new();
            self.followed.hear(&self.said, now, &mut events);
            events.iter().for_each(|event| self.said.hear(event));
            let tell = |event: &Event| match event {
                Event::Control(control) => {
                    let sign = if control.is_taken_back() { '-' } else { '+' };
                    let Control::AddListEntry(entry) = control.clone().statement() else {
                        panic!("{event:?}")
                    };
                    let wallet = WALLETS.iter().position(|wallet| *wallet == entry.trader.to_string());
                    format!("{sign}{} {}", wallet.unwrap(), control.known_from())
                }
                Event::Reject(reject) => reject.detail.split(':').next().unwrap().to_owned(),
                other => panic!("{other:?}"),
            };
            events.iter().map(tell).collect()
        }

        /// The next look after one that has seen the file change.
        fn second_look(&mut self, now: Time) -> Vec<String> {
            assert_eq!(self.look(Some(now)), Vec::<String>::new(), "it may be written still");
            self.look(Some(now))
        }
    }

    #[test]
    fn what_changes_in_a_file_is_said_and_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        std::fs::write(&path, line(0, "")).unwrap();
        let mut run = Run::new(&path);
        assert_eq!(run.look(None), ["+0 0"], "what a new database begins with was always known");
        assert!(run.look(Some(5)).is_empty());
        std::fs::write(&path, line(0, "") + &line(1, "")).unwrap();
        assert_eq!(run.second_look(7), ["+1 7"]);
        std::fs::write(&path, line(1, "") + &line(0, ", \"score\": 9")).unwrap();
        assert_eq!(run.second_look(9), ["+0 9", "-0 9"]);
        // A run that goes on knows what was said.
        let mut next = Run { said: run.said.clone(), ..Run::new(&path) };
        assert!(next.look(Some(11)).is_empty());
        std::fs::write(&path, line(1, "")).unwrap();
        let mut next = Run { said: run.said, ..Run::new(&path) };
        assert_eq!(next.look(Some(12)), ["-0 12"], "also what changed while it stood still");
    }

    #[test]
    fn a_slip_takes_nothing_back_and_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        std::fs::write(&path, line(0, "")).unwrap();
        let mut run = Run::new(&path);
        assert_eq!(run.look(None), ["+0 0"]);
        std::fs::write(&path, line(1, "") + "{\"list\": 7}\n").unwrap();
        assert_eq!(run.second_look(5), ["trader", "+1 5"]);
        std::fs::write(&path, line(1, ", \"score\": 3") + "{\"list\": 7}\n").unwrap();
        assert_eq!(run.second_look(6), ["+1 6"]);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(run.second_look(7), ["cannot be read"]);
        std::fs::write(&path, line(1, "")).unwrap();
        assert_eq!(run.second_look(8), ["-1 8", "-0 8"], "whole again");
    }

    #[test]
    fn rules_that_change_in_a_file_are_said_and_taken_back() {
        let rule = |id: &str, threshold: f64| {
            let mint = WALLETS[1];
            format!(
                "[[rules]]\nid = '{id}'\nkind = 'price_above'\nscope = {{ mint = '{mint}' }}\nthreshold = {threshold}\n"
            )
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rules.toml");
        std::fs::write(&path, rule("a", 1.0) + &rule("b", 2.0)).unwrap();
        let (mut followed, mut said) = (Followed::rules(vec![path.clone()]), Said::default());
        let mut look = |now: Option<Time>| {
            followed.look_at = followed.look_at.map(|_| Instant::now());
            let mut events = Vec::new();
            followed.hear(&said, now, &mut events);
            events.iter().for_each(|event| said.hear(event));
            let told = events.into_iter().map(|event| match event {
                Event::Control(Control::AddRule(rule)) => format!("+{} {}", rule.id, rule.known_from),
                Event::Control(Control::RemoveRule { rule, known_from }) => {
                    format!("-{} {known_from}", rule.id)
                }
                Event::Reject(reject) => format!("{} {}", reject.source, reject.detail),
                other => panic!("{other:?}"),
            });
            told.collect::<Vec<String>>()
        };
        assert_eq!(look(None), ["+a 0", "+b 0"]);
        std::fs::write(&path, rule("a", 1.0) + &rule("b", 3.0)).unwrap();
        assert_eq!(look(Some(5)), Vec::<String>::new(), "it may be written still");
        assert_eq!(look(Some(7)), ["+b 7", "-b 7"]);
        // A rule that is wrong is named, and nothing is taken back.
        std::fs::write(&path, rule("b", -3.5)).unwrap();
        assert_eq!(look(Some(8)), Vec::<String>::new());
        assert_eq!(look(Some(9)), ["rules is -3.5, must be a price above 0"]);
    }
}
