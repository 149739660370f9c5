//! Control inputs from files: the section `controls`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ControlsConfig {
    /// Lists of wallets. A run follows them: an edit is taken in within seconds.
    pub lists: Vec<PathBuf>,
    /// Alert rules, TOML or JSON. A run follows them too.
    pub rules: Vec<PathBuf>,
}
