//! Whose database it is, and how far the tables are.
//!
//! A run claims the database by a number that no run had before it. There is nothing to lock: ClickHouse has no
//! sessions that end with their owner. So the newest claim counts, and whoever has an older one stops
//! before its next flush. What it may have written before it noticed has lower versions than all that the
//! newer run writes.

use model::Time;

use super::fault::Fault;
use super::row_binary::Input;
use super::server::Server;

/// How often a claim is tried when others claim at the same moment.
const TRIES: u32 = 10;

/// A run's right to write.
pub(super) struct Claim {
    /// Its number.
    pub(super) number: u64,
    writer: String,
    /// The frontier of the last whole flush.
    pub(super) committed: Option<Time>,
}

impl Claim {
    /// Claims the database.
    pub(super) fn new(server: &Server) -> Result<Self, Fault> {
        let writer = read_text(&server.query("SELECT toString(generateUUIDv4())")?)?;
        for _ in 0..TRIES {
            let (last, frontier) = read_state(server)?;
            let claim = Self {
                number: last + 1,
                writer: writer.clone(),
                committed: Some(frontier).filter(|at| *at > 0),
            };
            claim.record(server, frontier)?;
            let others = format!(
                "SELECT count() FROM _progress WHERE claim >= {} AND writer != '{writer}'",
                claim.number
            );
            if read_number(&server.query(&others)?)? == 0 {
                return Ok(claim);
            }
        }
        Err(Fault::lasting("other runs claim this database at the same time; let one run write to it"))
    }

    /// Refuses a run that another one has followed.
    pub(super) fn check(&self, server: &Server) -> Result<(), Fault> {
        let (last, _) = read_state(server)?;
        if last > self.number {
            return Err(Fault::lasting(format!(
                "another run is writing to it: it claimed the database `{}` after this one; give each run a database of its own",
                server.database()
            )));
        }
        Ok(())
    }

    /// Writes a frontier whose flush is whole.
    pub(super) fn commit(&mut self, server: &Server, frontier: Time) -> Result<(), Fault> {
        self.record(server, frontier)?;
        self.committed = Some(frontier);
        Ok(())
    }

    fn record(&self, server: &Server, frontier: Time) -> Result<(), Fault> {
        server.execute(&format!(
            "INSERT INTO _progress (claim, writer, frontier) VALUES ({}, '{}', {frontier})",
            self.number, self.writer
        ))
    }
}

/// The newest claim and the greatest frontier.
fn read_state(server: &Server) -> Result<(u64, Time), Fault> {
    let answer = server.query("SELECT max(claim), max(frontier) FROM _progress")?;
    let mut input = Input(&answer);
    input.u64().zip(input.u64()).ok_or_else(garbled)
}

fn read_number(answer: &[u8]) -> Result<u64, Fault> {
    Input(answer).u64().ok_or_else(garbled)
}

fn read_text(answer: &[u8]) -> Result<String, Fault> {
    let text = Input(answer).text().ok_or_else(garbled)?;
    Ok(String::from_utf8_lossy(text).into_owned())
}

fn garbled() -> Fault {
    Fault::lasting("the server's answer is shorter than what was asked for")
}
