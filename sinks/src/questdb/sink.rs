//! The sink: a flush as requests, and what is looked up before each.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use model::{Schema, Time};
use questdb::ingress::Sender;
use serde_json::Value as Json;

use super::http::{Http, failure, sender};
use super::rows::Rows;
use super::{Config, NAME, tables};
use crate::failure::Failure;
use crate::fit::{check_change, check_schema};
use crate::{Description, Flush, Sink, SinkError, Table};

/// The sink `questdb`.
pub struct QuestDb {
    config: Config,
    http: Http,
    sender: Sender,
    records: BTreeMap<&'static str, Rows>,
    /// The name of this run, in `_progress` while it is the one that writes.
    run: String,
    /// What `_progress` said when this run took over, and what was written since. None before it took over.
    frontier: Option<Option<Time>>,
}

impl QuestDb {
    /// Reads the settings. Nothing is asked of the server before [`Sink::prepare`].
    ///
    /// # Errors
    /// When the password is not in the environment.
    pub fn open(config: &Config) -> Result<Self, SinkError> {
        let fault = |failure: Failure| failure.into_error(NAME, "read the settings");
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Self {
            http: Http::open(config).map_err(fault)?,
            sender: sender(config).map_err(fault)?,
            config: config.clone(),
            records: BTreeMap::new(),
            run: format!("{}-{}", std::process::id(), started.as_nanos()),
            frontier: None,
        })
    }

    fn fault(&self, doing: &str) -> impl FnOnce(Failure) -> SinkError + use<> {
        let doing = format!("{doing} at {}", self.config.url);
        move |failure| failure.into_error(NAME, doing)
    }

    fn prepare_all(&self, schemas: &[&'static Schema]) -> Result<(), Failure> {
        self.http.execute(&tables::create_progress(&self.config))?;
        for schema in schemas {
            tables::prepare(&self.http, &self.config, &Description::from(*schema))?;
        }
        Ok(())
    }

    /// Becomes the run that writes, and learns up to where the tables are.
    fn take_over(&mut self) -> Result<Option<Time>, Failure> {
        let table = self.config.named("_progress");
        let wait = format!("SELECT wait_wal_table({})", tables::literal(&table));
        self.http.execute(&wait)?;
        let found = self.http.query(&format!("SELECT frontier FROM \"{table}\""))?;
        let frontier = found.dataset.first().and_then(|row| row.first()).and_then(Json::as_u64);
        self.write_progress(frontier)?;
        self.http.execute(&wait)?;
        self.frontier = Some(frontier);
        Ok(frontier)
    }

    fn write_progress(&self, frontier: Option<Time>) -> Result<(), Failure> {
        let frontier = frontier.map_or("null".to_owned(), |frontier| frontier.to_string());
        self.http.execute(&format!(
            "INSERT INTO \"{}\" VALUES (0, {frontier}, {})",
            self.config.named("_progress"),
            tables::literal(&self.run)
        ))
    }

    fn frontier(&mut self) -> Result<Option<Time>, SinkError> {
        match self.frontier {
            Some(frontier) => Ok(frontier),
            None => {
                let fault = self.fault("take over");
                self.take_over().map_err(fault)
            }
        }
    }

    /// That the tables are there and take rows, and that no other run has taken over.
    fn look(&self, flush: &Flush) -> Result<(), Failure> {
        let answer = self.http.query("SELECT name, suspended, errorMessage FROM wal_tables()")?;
        let text =
            |row: &[Json], at: usize| row.get(at).and_then(Json::as_str).unwrap_or_default().to_owned();
        let found: BTreeMap<String, (bool, String)> = answer
            .dataset
            .iter()
            .map(|row| (text(row, 0), (row.get(1) == Some(&Json::Bool(true)), text(row, 2))))
            .collect();
        let of_flush = flush.tables.iter().map(|table| self.config.versions(table.schema.name));
        for table in of_flush.chain([self.config.named("_progress")]) {
            match found.get(&table) {
                Some((false, _)) => {}
                Some((true, why)) => {
                    let message = format!(
                        "the table {table} is suspended: {why}; mend it, then ALTER TABLE \"{table}\" RESUME WAL"
                    );
                    return Err(Failure::passing(message));
                }
                None => {
                    let message =
                        format!("the table {table} is missing; rows of earlier flushes went with it");
                    return Err(Failure::lasting(message));
                }
            }
        }
        let writes = self.http.query(&format!("SELECT run FROM \"{}\"", self.config.named("_progress")))?;
        match writes.dataset.first().map(|row| text(row, 0)) {
            Some(run) if run != self.run => {
                Err(Failure::lasting(format!("another run is writing to it since ({run})")))
            }
            _ => Ok(()),
        }
    }

    fn check(&self, flush: &Flush) -> Result<(), Failure> {
        for table in &flush.tables {
            let name = table.schema.name;
            if !self.records.contains_key(name) {
                return Err(Failure::lasting(format!("the record {name} was not prepared")));
            }
            for (_, change) in &table.changes {
                let fits = check_change(table.schema, change);
                fits.map_err(|e| Failure::lasting(format!("record {name}: {e}")))?;
            }
        }
        Ok(())
    }

    fn send(&mut self, flush: &Flush) -> Result<(), Failure> {
        self.look(flush)?;
        for table in &flush.tables {
            self.send_table(table)?;
        }
        self.write_progress(Some(flush.frontier))?;
        self.frontier = Some(Some(flush.frontier));
        Ok(())
    }

    fn send_table(&mut self, table: &Table) -> Result<(), Failure> {
        let Some(rows) = self.records.get(table.schema.name) else { return Ok(()) };
        let mut buffer = self.sender.new_buffer();
        let mut ended = Vec::new();
        let at_once = usize::try_from(self.config.rows_per_request).unwrap_or(usize::MAX).max(1);
        for changes in table.changes.chunks(at_once) {
            buffer.clear();
            ended.clear();
            for (as_of, change) in changes {
                rows.push(*as_of, change, &mut buffer, &mut ended)?;
            }
            if !buffer.is_empty() {
                self.sender.flush_and_keep_with_flags(&buffer, true).map_err(|e| failure(&e))?;
            }
            let as_of = changes.iter().map(|(as_of, _)| *as_of).max().unwrap_or(0);
            for update in rows.updates(&ended, as_of) {
                self.http.execute(&update)?;
            }
        }
        Ok(())
    }
}

impl Sink for QuestDb {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&mut self, schemas: &[&'static Schema]) -> Result<(), SinkError> {
        for schema in schemas {
            let doing = format!("prepare the record {}", schema.name);
            check_schema(schema).map_err(|e| SinkError::new(NAME, doing, e))?;
        }
        self.prepare_all(schemas).map_err(self.fault("prepare the tables"))?;
        for schema in schemas {
            self.records.insert(schema.name, Rows::new(&self.config, schema));
        }
        Ok(())
    }

    fn committed(&mut self) -> Result<Option<Time>, SinkError> {
        self.frontier()
    }

    fn write(&mut self, flush: &Flush) -> Result<(), SinkError> {
        let fault = self.fault(&format!("write the flush up to {}", flush.frontier));
        if let Err(failure) = self.check(flush) {
            return Err(fault(failure));
        }
        if self.frontier()?.is_some_and(|done| flush.frontier <= done) {
            return Ok(());
        }
        self.send(flush).map_err(fault)
    }
}
