//! The sink.

use std::collections::BTreeMap;

use model::{Schema, Time};

use super::claim::Claim;
use super::ddl::{COMMON, table_of};
use super::drift::{apply, drifts};
use super::fault::Fault;
use super::row_binary::encode;
use super::server::Server;
use super::{Config, NAME, SchemaMode};
use crate::fit::{check_change, check_schema};
use crate::{Flush, Sink, SinkError, Table};

/// Versions of a claim: a flush has a number below this.
const FLUSHES_OF_A_CLAIM: u64 = 1 << 32;

/// The sink `clickhouse`.
pub struct ClickHouse {
    server: Server,
    config: Config,
    claim: Option<Claim>,
    /// Number of the flush that was tried last, from 1, and its frontier.
    last: (u64, Time),
    /// The statement that adds rows, by record.
    inserts: BTreeMap<&'static str, String>,
    text: String,
    rows: Vec<u8>,
}

impl ClickHouse {
    /// Reads the settings. Nothing is asked of the server before [`Sink::prepare`].
    ///
    /// # Errors
    /// When the password is not in the environment.
    pub fn open(config: &Config) -> Result<Self, SinkError> {
        Ok(Self {
            server: Server::new(config)?,
            config: config.clone(),
            claim: None,
            last: (0, 0),
            inserts: BTreeMap::new(),
            text: String::new(),
            rows: Vec::new(),
        })
    }

    /// Creates the database if it is not there.
    fn connect(&self) -> Result<(), Fault> {
        let database = &self.config.database;
        match self.config.schema {
            SchemaMode::Apply => {
                self.server.execute_outside(&format!("CREATE DATABASE IF NOT EXISTS `{database}`"))
            }
            // Fails if it is not there, without asking for more rights than the sink needs.
            SchemaMode::Check => {
                self.server.execute_outside(&format!("EXISTS TABLE `{database}`.`_progress`"))
            }
        }
    }

    /// Brings the tables in line with the schemas, or refuses them.
    fn fit_tables(&self, schemas: &[&'static Schema]) -> Result<(), SinkError> {
        let drifts = drifts(&self.server, &self.config, schemas)?;
        if self.config.schema == SchemaMode::Check && drifts.iter().any(|drift| !drift.steps.is_empty()) {
            let records: Vec<&str> = drifts.iter().map(|drift| drift.record.as_str()).collect();
            let message = format!(
                "tables or columns are missing for {}; `millrace schema diff` shows them and `millrace schema apply` adds them",
                records.join(", ")
            );
            return Err(SinkError::new(NAME, format!("use the database {}", self.config.database), message));
        }
        apply(&self.server, &drifts)
    }

    fn write_flush(&mut self, flush: &Flush) -> Result<(), Fault> {
        let claim = self.claim.as_ref().ok_or_else(|| Fault::lasting("nothing was prepared"))?;
        if claim.committed.is_some_and(|committed| flush.frontier <= committed) {
            return Ok(());
        }
        // All of it before the first row leaves: what is refused leaves nothing.
        for table in &flush.tables {
            let name = table.schema.name;
            if !self.inserts.contains_key(name) {
                return Err(Fault::lasting(format!("the record {name} was not prepared")));
            }
            for (_, change) in &table.changes {
                check_change(table.schema, change)
                    .map_err(|e| Fault::lasting(format!("table {name}: {e}")))?;
            }
        }
        claim.check(&self.server)?;
        // One that is tried again keeps its version: batches that have arrived are known by their tokens.
        if self.last.1 != flush.frontier {
            self.last = (self.last.0 + 1, flush.frontier);
        }
        let version = claim.number * FLUSHES_OF_A_CLAIM + self.last.0;
        for table in &flush.tables {
            self.write_table(table, version)?;
        }
        match &mut self.claim {
            Some(claim) => claim.commit(&self.server, flush.frontier),
            None => Ok(()),
        }
    }

    fn write_table(&mut self, table: &Table, version: u64) -> Result<(), Fault> {
        let name = table.schema.name;
        let Some(insert) = self.inserts.get(name) else { return Ok(()) };
        for (i, changes) in table.changes.chunks(self.config.batch_rows).enumerate() {
            self.rows.clear();
            for (as_of, change) in changes {
                encode(table.schema, *as_of, change, version, &mut self.text, &mut self.rows);
            }
            self.server.insert(insert, &format!("{name}-{version}-{i}"), &self.rows)?;
        }
        Ok(())
    }
}

fn insert_into(schema: &Schema) -> String {
    let own = schema.columns.iter().map(|column| column.name);
    let names: Vec<String> =
        own.chain(COMMON.map(|(name, ..)| name)).map(|name| format!("`{name}`")).collect();
    format!("INSERT INTO `{}` ({}) FORMAT RowBinary", table_of(schema.name), names.join(", "))
}

impl Sink for ClickHouse {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&mut self, schemas: &[&'static Schema]) -> Result<(), SinkError> {
        for schema in schemas {
            check_schema(schema)
                .map_err(|e| SinkError::new(NAME, format!("prepare the table {}", schema.name), e))?;
        }
        self.connect().map_err(|e| e.at(format!("open the database {}", self.config.database)))?;
        self.fit_tables(schemas)?;
        for schema in schemas {
            self.inserts.insert(schema.name, insert_into(schema));
        }
        if self.claim.is_none() {
            let claim = Claim::new(&self.server);
            let doing = || format!("claim the database {}", self.config.database);
            self.claim = Some(claim.map_err(|e| e.at(doing()))?);
        }
        Ok(())
    }

    fn committed(&mut self) -> Result<Option<Time>, SinkError> {
        Ok(self.claim.as_ref().and_then(|claim| claim.committed))
    }

    fn write(&mut self, flush: &Flush) -> Result<(), SinkError> {
        self.write_flush(flush).map_err(|e| e.at(format!("write the flush up to {}", flush.frontier)))
    }
}
