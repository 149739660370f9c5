//! Which oracle prices quote tokens beside the source: the section `oracle`.

use serde::{Deserialize, Serialize};

/// The oracle that is listened to, and the settings of every kind of oracle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OracleConfig {
    /// Which one is listened to.
    #[serde(rename = "type")]
    pub kind: OracleKind,
    /// Quotes in files.
    pub file: sources::quotes::Config,
    /// Pyth's web service.
    pub hermes: sources::hermes::Config,
}

/// The kinds of oracles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OracleKind {
    /// None but what the source brings of its own.
    #[default]
    None,
    /// Quotes in files.
    File,
    /// Pyth's web service.
    Hermes,
}

impl OracleConfig {
    /// Problems of the section: the key within the section, and what would be right.
    pub(crate) fn problems(&self) -> Vec<(String, String)> {
        let hermes = self.hermes.problems().into_iter().map(|(key, what)| (format!("hermes.{key}"), what));
        let mut problems: Vec<_> = hermes.collect();
        if self.kind == OracleKind::File && self.file.paths.is_empty() {
            problems.push(("file.paths".to_owned(), "must name at least one file".to_owned()));
        }
        problems
    }
}
