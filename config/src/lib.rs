//! Configuration: assembles the parts' own settings, layers them, checks them, explains them.
//!
//! Every part declares its settings beside the code that uses them; here they only come together as
//! [`Config`]. The layers, weak to strong: built-in defaults, a TOML file, the environment
//! (`MILLRACE_RUN__WORKERS=2`), the flags of the command line. A key that no part knows is refused, and
//! everything that is wrong is reported at once, each with where it was said, the path of the key and
//! what would be right: someone who edits a file wants one list, not one error a run.
//!
//! Not done here: open sources or sinks, or change anything while the pipeline runs.
//! Lists and rules that change at run time are control inputs; a file only seeds them.
//!
//! ```
//! let loaded = config::Layers::default().flag("--workers", "run.workers", 2).load()?;
//! assert_eq!(loaded.config.run.workers, 2);
//! # Ok::<(), config::Problems>(())
//! ```

mod controls;
mod layers;
mod oracle;
mod path;
mod print;
mod problem;
mod rules;
mod run;
mod sinks_section;
mod source;
mod wording;

use std::collections::BTreeMap;

use serde::Serialize;
use sinks::SinkConfig;
use toml::{Table, Value};

pub use controls::ControlsConfig;
pub use layers::{ENVIRONMENT_PREFIX, Layers};
pub use oracle::{OracleConfig, OracleKind};
use path::KeyPath;
pub use problem::{Origin, Problem, Problems};
pub use rules::{RuleFile, read_rules};
pub use run::{ParseSpeedError, RunParams, Speed};
pub use source::{SourceConfig, SourceKind};

/// All settings of a pipeline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Config {
    /// Where events come from.
    pub source: SourceConfig,
    /// Source of prices of quote tokens in USD, beside the main one.
    pub oracle: OracleConfig,
    /// Control inputs from files.
    pub controls: ControlsConfig,
    /// Where rows go.
    pub sinks: Vec<SinkConfig>,
    /// Settings of the operators.
    pub dataflow: dataflows::Params,
    /// How it runs.
    pub run: RunParams,
    /// Settings of the API.
    pub api: api::Config,
}

impl Default for Config {
    /// The demo: a simulated market into a database in the current folder.
    fn default() -> Self {
        Self {
            source: SourceConfig::default(),
            oracle: OracleConfig::default(),
            controls: ControlsConfig::default(),
            sinks: vec![SinkConfig::Sqlite(sinks::sqlite::Config::default())],
            dataflow: dataflows::Params::default(),
            run: RunParams::default(),
            api: api::Config::default(),
        }
    }
}

/// A configuration that is right, and where its values came from.
#[derive(Debug)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    origins: BTreeMap<KeyPath, Origin>,
}

impl Loaded {
    /// The configuration as TOML that can be loaded again, each value with a comment that says where it
    /// came from.
    #[must_use]
    pub fn to_toml(&self) -> String {
        print::annotated(&tree(&self.config), &self.origins)
    }
}

impl Default for Layers {
    /// The built-in defaults, with nothing over them.
    fn default() -> Self {
        Self::over(tree(&Config::default()))
    }
}

impl Layers {
    /// Reads and checks everything.
    ///
    /// # Errors
    /// All problems of all layers, in the order of the keys.
    pub fn load(mut self) -> Result<Loaded, Problems> {
        let section = |name: &str| KeyPath::default().key(name);
        let source: Option<SourceConfig> = self.read(&section("source"));
        let oracle: Option<OracleConfig> = self.read(&section("oracle"));
        let controls: Option<ControlsConfig> = self.read(&section("controls"));
        let dataflow: Option<dataflows::Params> = self.read(&section("dataflow"));
        let run: Option<RunParams> = self.read(&section("run"));
        let api: Option<api::Config> = self.read(&section("api"));
        let sinks = sinks_section::read(&mut self);
        self.refuse_unknown_sections();
        if let Some(source) = &source {
            self.check(&section("source").key("simulate"), source.simulate.problems());
            self.check(&section("source").key("quote_ranks"), source.quote_ranks.problems());
        }
        if let Some(oracle) = &oracle {
            self.check(&section("oracle"), oracle.problems());
        }
        for (index, sink) in &sinks {
            let problems = sink.validate().into_iter().map(|problem| (problem.key, problem.message));
            self.check(&section("sinks").index(*index), problems.collect());
        }
        self.check_places(&sinks);
        if let Some(source) = &source {
            self.check_paths(source);
        }
        if let Some(dataflow) = &dataflow {
            self.check(&section("dataflow"), dataflow.problems());
        }
        if let Some(run) = &run {
            self.check(&section("run"), run.problems());
        }
        if let Some(api) = &api {
            self.check(&section("api"), api.problems());
        }
        let (mut problems, origins) = self.finish();
        match (source, oracle, controls, dataflow, run, api) {
            (Some(source), Some(oracle), Some(controls), Some(dataflow), Some(run), Some(api))
                if problems.is_empty() =>
            {
                let sinks = sinks.into_iter().map(|(_, sink)| sink).collect();
                Ok(Loaded { config: Config { source, oracle, controls, sinks, dataflow, run, api }, origins })
            }
            _ => {
                problems.sort_by(|a, b| (&a.origin, &a.key).cmp(&(&b.origin, &b.key)));
                Err(Problems(problems))
            }
        }
    }

    /// Two sinks of one place would write over each other.
    fn check_places(&mut self, sinks: &[(usize, SinkConfig)]) {
        let place = |sink: &SinkConfig| (sink.type_name(), same_place(&sink.place()));
        for (at, (index, sink)) in sinks.iter().enumerate() {
            let first = sinks.iter().take(at).find(|(_, other)| place(other) == place(sink));
            if let Some((first, _)) = first {
                let message = format!("writes to {}, where sinks[{first}] does", sink.place());
                self.wrong(&KeyPath::default().key("sinks").index(*index), message);
            }
        }
    }

    /// A source of files needs some.
    fn check_paths(&mut self, source: &SourceConfig) {
        let (section, paths) = match source.kind {
            SourceKind::Transactions => ("transactions", &source.transactions.paths),
            SourceKind::Trades => ("trades", &source.trades.paths),
            _ => return,
        };
        if paths.is_empty() {
            let message =
                format!("is empty, and source.type is \"{section}\": name files or folders to read");
            self.wrong(&KeyPath::default().key("source").key(section).key("paths"), message);
        }
    }

    /// Reports what a part found wrong with its values, by dotted key.
    fn check(&mut self, at: &KeyPath, problems: Vec<(impl AsRef<str>, String)>) {
        for (key, message) in problems {
            self.wrong(&at.clone().join_dotted(key.as_ref()), message);
        }
    }

    fn refuse_unknown_sections(&mut self) {
        let Some(Value::Table(sections)) = self.get(&KeyPath::default()) else { return };
        let known = ["source", "oracle", "controls", "sinks", "dataflow", "run", "api"];
        let unknown: Vec<_> =
            sections.keys().filter(|name| !known.contains(&name.as_str())).cloned().collect();
        for name in unknown {
            self.unknown(&KeyPath::default().key(name));
        }
    }
}

/// A place as the file system sees it, where it is one that is there.
fn same_place(place: &str) -> String {
    let path = std::path::Path::new(place);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(std::path::Path::new("."));
    let whole = path.canonicalize().or_else(|_| {
        folder.canonicalize().map(|folder| path.file_name().map_or(folder.clone(), |name| folder.join(name)))
    });
    whole.map_or_else(|_| place.to_owned(), |path| path.display().to_string())
}

/// The configuration as a tree of values. Settings that are `None` are not in it: TOML has no null.
fn tree(config: &Config) -> Value {
    // Cannot fail: the settings are structs, lists, strings and numbers below 2^63, which a test asserts of
    // the defaults.
    Value::try_from(config).unwrap_or_else(|_| Value::Table(Table::new()))
}
