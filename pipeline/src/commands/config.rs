//! `millrace config`: checks and shows the configuration.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};

use crate::cli::Global;
use crate::failure::Outcome;
use crate::settings;

/// Check or show the configuration
#[derive(Debug, Args)]
pub(crate) struct Config {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Report everything that is wrong with a configuration, all at once
    ///
    /// Says for each problem the file and line, the path of the key, and what would be right. The
    /// environment is checked too. Exit code 2 if anything is wrong.
    Check {
        /// The file; without it, the one of --config, or the defaults
        file: Option<PathBuf>,
    },
    /// Print the configuration in effect as TOML, each value with where it came from
    Print,
}

impl Config {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<Outcome> {
        let mut out = std::io::stdout().lock();
        match self.action {
            Action::Check { file } => {
                let config = file.or_else(|| global.config.clone());
                let name = config
                    .as_ref()
                    .map_or("the default configuration".to_owned(), |path| format!("{}", path.display()));
                settings::load(settings::layers(&Global { config, ..global.clone() }))?;
                writeln!(out, "{name} is right")
            }
            Action::Print => {
                let loaded = settings::load(settings::layers(global))?;
                out.write_all(loaded.to_toml().as_bytes())
            }
        }
        .context("cannot write to standard output")?;
        Ok(Outcome::Done)
    }
}
