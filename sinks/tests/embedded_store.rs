//! What the embedded store promises beside the contract of all sinks: the event log, checkpoints, one
//! transaction for all, and tables that grow with their schemas.

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]

use std::fs;
use std::path::{Path, PathBuf};

use model::{Cadence, Change, Column, Event, Kind, Schema, SlotState, SlotStatus, Time, Value};
use rusqlite::Connection;
use sinks::sqlite::{Checkpoint, Config, EmbeddedStore, LogReader, Progress};
use sinks::{Flush, Sink, SinkError, Table};
use tempfile::TempDir;

static COUNTS: Schema = Schema {
    name: "counts",
    doc: "How many.",
    key: 1,
    cadence: Cadence::Flush,
    indexes: &[],
    columns: &[
        Column { name: "id", kind: Kind::Count, doc: "Which." },
        Column { name: "n", kind: Kind::Amount, doc: "How many, raw units." },
    ],
};

struct Place {
    dir: TempDir,
    config: Config,
}

impl Place {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("millrace.db");
        Self { dir, config: Config { path, busy_timeout_ms: 20, ..Config::default() } }
    }

    fn open(&self) -> EmbeddedStore {
        let mut store = EmbeddedStore::open(&self.config).unwrap();
        store.prepare(&[&COUNTS]).unwrap();
        store
    }

    fn refused(&self) -> String {
        EmbeddedStore::open(&self.config).err().unwrap().to_string()
    }

    /// The database as another program sees it.
    fn read(&self) -> Connection {
        Connection::open(&self.config.path).unwrap()
    }

    fn ask(&self, sql: &str) -> Vec<String> {
        ask(&self.read(), sql)
    }

    /// The files as a crash would leave them now, under another name.
    fn crashed(&self) -> Self {
        let other = Self::new();
        for end in ["", "-wal"] {
            let name = |config: &Config| PathBuf::from(format!("{}{end}", config.path.display()));
            fs::copy(name(&self.config), name(&other.config)).unwrap();
        }
        other
    }
}

fn ask(connection: &Connection, sql: &str) -> Vec<String> {
    let mut select = connection.prepare(sql).unwrap();
    let rows = select.query_map((), |row| row.get(0)).unwrap();
    rows.map(|text| text.unwrap()).collect()
}

fn flush(frontier: Time, rows: &[(u64, u64)]) -> Flush {
    let row = |(id, n): &(u64, u64)| Change::Upsert(vec![Value::Count(*id), Value::Amount(*n)]);
    let changes = rows.iter().map(|r| (frontier - 1, row(r))).collect();
    Flush { frontier, tables: vec![Table { schema: &COUNTS, changes }] }
}

fn events(offsets: std::ops::Range<u64>) -> Vec<(Time, Event)> {
    let slot = |slot| SlotStatus { slot, state: SlotState::Processed, parent: None, block_time: None };
    offsets.map(|offset| (1_000 + offset, Event::Slot(slot(offset)))).collect()
}

fn append(store: &mut EmbeddedStore, first_offset: u64, events: &[(Time, Event)]) -> Result<(), SinkError> {
    store.append_events(first_offset, events.iter().map(|(time, event)| (*time, event)))
}

fn checkpoint(time: Time, log_offset: u64) -> Checkpoint {
    let parts =
        vec![("b".to_owned(), vec![1, 2, 3]), ("a".to_owned(), Vec::new()), ("b".to_owned(), vec![4])];
    Checkpoint { time, log_offset, parts }
}

#[test]
fn the_log_gives_back_what_was_appended_from_any_offset() {
    let place = Place::new();
    let mut store = place.open();
    let all = events(0..50_000); // several chunks
    for (first, part) in [(0, &all[..1]), (1, &all[1..30_000]), (30_000, &all[30_000..])] {
        append(&mut store, first, part).unwrap();
    }
    let check = |store: &mut EmbeddedStore| {
        assert_eq!((store.log_start().unwrap(), store.log_end()), (0, 50_000));
        for (from, limit) in
            [(0, 1), (0, 60_000), (29_999, 2), (12_345, 25_000), (49_999, 9), (50_000, 9), (7, 0)]
        {
            let read = store.read_events(from, limit).unwrap();
            let from = usize::try_from(from).unwrap();
            assert_eq!(read, all[from..all.len().min(from + limit)], "{limit} from {from}");
        }
    };
    check(&mut store);
    store.commit().unwrap();
    drop(store);
    check(&mut place.open());
}

#[test]
fn the_log_refuses_gaps_and_offsets_it_does_not_hold() {
    let place = Place::new();
    let mut store = place.open();
    append(&mut store, 0, &events(0..3)).unwrap();
    store.commit().unwrap();
    let message = append(&mut store, 4, &events(4..5)).unwrap_err().to_string();
    assert!(message.contains("millrace.db: the next offset is 3, not 4"), "{message}");
    let message = store.read_events(4, 1).unwrap_err().to_string();
    assert!(message.contains("offset 4 is not in the log, which holds 0 up to 3"), "{message}");
}

#[test]
fn an_error_takes_back_everything_since_the_last_commit() {
    let place = Place::new();
    let mut store = place.open();
    append(&mut store, 0, &events(0..2)).unwrap();
    store.write(&flush(10, &[(1, 1)])).unwrap();

    append(&mut store, 2, &events(2..5)).unwrap();
    store.write_rows(&flush(20, &[(1, 2)])).unwrap();
    let mut bad = flush(30, &[(3, 3)]);
    bad.tables[0].changes.push((29, Change::Upsert(vec![Value::Null, Value::Null])));
    let message = store.write_rows(&bad).unwrap_err().to_string();
    assert!(message.contains("millrace.db") && message.contains("table counts"), "{message}");
    assert!(message.contains("the column `id` takes Count, not Null"), "{message}");

    assert_eq!(store.log_end(), 2);
    assert_eq!(store.progress().unwrap(), Some(Progress { frontier: 10, log_offset: 2 }));
    store.commit().unwrap();
    assert_eq!(place.ask("SELECT id || ' ' || n FROM counts"), ["1 1"]);
    append(&mut store, 2, &events(2..5)).unwrap();
    assert_eq!(store.read_events(0, 9).unwrap(), events(0..5));
}

#[test]
fn a_crash_leaves_the_last_commit_whole() {
    let place = Place::new();
    let mut store = place.open();
    append(&mut store, 0, &events(0..40_000)).unwrap();
    store.write(&flush(10, &[(1, 1), (2, 2)])).unwrap();
    append(&mut store, 40_000, &events(40_000..90_000)).unwrap();
    store.write_rows(&flush(20, &[(1, 9)])).unwrap();

    let mut after = place.crashed().open_kept();
    assert_eq!(after.store.log_end(), 40_000);
    assert_eq!(after.store.committed().unwrap(), Some(10));
    assert_eq!(after.place.ask("SELECT id || ' ' || n FROM counts ORDER BY id"), ["1 1", "2 2"]);
}

/// A store with the place it is in, which goes when it is dropped.
struct Kept {
    store: EmbeddedStore,
    place: Place,
}

impl Place {
    fn open_kept(self) -> Kept {
        Kept { store: self.open(), place: self }
    }
}

#[test]
fn the_two_newest_checkpoints_are_kept_whole() {
    let place = Place::new();
    let mut store = place.open();
    assert_eq!(store.newest_checkpoint().unwrap(), None);
    append(&mut store, 0, &events(0..9)).unwrap();
    for (time, offset) in [(10, 3), (20, 6), (30, 9)] {
        store.save_checkpoint(&checkpoint(time, offset)).unwrap();
    }
    drop(store);
    let store = place.open();
    assert_eq!(store.newest_checkpoint().unwrap(), Some(checkpoint(30, 9)));
    let kept = store.checkpoints().unwrap();
    assert_eq!(kept.iter().map(|place| place.time).collect::<Vec<_>>(), [30, 20]);
    assert_eq!(store.load_checkpoint(kept[1]).unwrap(), checkpoint(20, 6));
    assert_eq!(place.ask("SELECT DISTINCT time || '' FROM _checkpoint_pieces ORDER BY time"), ["20", "30"]);
}

#[test]
fn a_checkpoint_that_was_cut_short_is_not_there_and_its_pieces_go() {
    let place = Place::new();
    let mut store = place.open();
    append(&mut store, 0, &events(0..10)).unwrap();
    store.commit().unwrap();
    store.save_checkpoint(&checkpoint(10, 3)).unwrap();
    let cut_short = checkpoint(20, 5);
    let steps = cut_short.steps().count();
    cut_short.steps().take(steps - 1).for_each(|step| store.write_checkpoint(step).unwrap());
    drop(store);

    let mut store = place.open();
    assert_eq!(store.newest_checkpoint().unwrap(), Some(checkpoint(10, 3)));
    let pieces = "SELECT time || '' FROM _checkpoint_pieces ORDER BY 1";
    assert_eq!(place.ask(pieces), ["10", "10", "10", "20", "20", "20"]);
    store.save_checkpoint(&checkpoint(30, 7)).unwrap();
    assert_eq!(place.ask(pieces), ["10", "10", "10", "30", "30", "30"]);
    assert_eq!(store.newest_checkpoint().unwrap(), Some(checkpoint(30, 7)));
}

#[test]
fn a_large_part_comes_back_whole() {
    let place = Place::new();
    let mut store = place.open();
    let bytes: Vec<u8> = (0..20_000_003u32).map(|i| (i >> 9).to_le_bytes()[0]).collect();
    let large = Checkpoint { time: 1, log_offset: 0, parts: vec![("large".to_owned(), bytes)] };
    store.save_checkpoint(&large).unwrap();
    assert!(store.newest_checkpoint().unwrap() == Some(large));
}

#[test]
fn a_checkpoint_of_the_same_time_is_replaced() {
    let place = Place::new();
    let mut store = place.open();
    append(&mut store, 0, &events(0..9)).unwrap();
    store.save_checkpoint(&checkpoint(10, 3)).unwrap();
    let other = Checkpoint { parts: vec![("c".to_owned(), vec![9])], ..checkpoint(10, 4) };
    store.save_checkpoint(&other).unwrap();
    assert_eq!(store.newest_checkpoint().unwrap(), Some(other));
}

#[test]
fn a_checkpoint_beyond_the_log_is_refused_and_a_damaged_one_is_told() {
    let place = Place::new();
    let mut store = place.open();
    let message = store.save_checkpoint(&checkpoint(10, 1)).unwrap_err().to_string();
    assert!(message.contains("goes on at offset 1 of a log that ends at 0"), "{message}");
    store.save_checkpoint(&checkpoint(10, 0)).unwrap();
    place.read().execute("DELETE FROM _checkpoint_pieces WHERE part = 2", ()).unwrap();
    let message = store.newest_checkpoint().unwrap_err().to_string();
    assert!(message.contains("3 parts were written and 2 are there"), "{message}");
}

#[test]
fn the_log_is_pruned_up_to_what_the_older_checkpoint_needs() {
    let place = Place::new();
    let mut store = place.open();
    for first in (0..50).step_by(10) {
        append(&mut store, first, &events(first..first + 10)).unwrap();
        store.commit().unwrap(); // a chunk each
    }
    assert_eq!(store.prune_log(50).unwrap(), 0, "no checkpoint: a restart needs the whole log");
    store.save_checkpoint(&checkpoint(1, 25)).unwrap();
    store.save_checkpoint(&checkpoint(2, 45)).unwrap();
    assert_eq!(store.prune_log(15).unwrap(), 10);
    assert_eq!(store.prune_log(50).unwrap(), 10);
    assert_eq!(store.log_start().unwrap(), 20);
    assert_eq!(store.read_events(25, 100).unwrap(), events(25..50));
    assert!(store.read_events(19, 1).unwrap_err().to_string().contains("holds 20 up to 50"));

    store.save_checkpoint(&checkpoint(3, 50)).unwrap();
    store.save_checkpoint(&checkpoint(4, 50)).unwrap();
    store.prune_log(50).unwrap();
    store.commit().unwrap();
    drop(store);
    let mut store = place.open();
    assert_eq!(store.log_end(), 50, "the end of the log outlives its events");
    append(&mut store, 50, &events(50..51)).unwrap();
    assert_eq!(store.read_events(50, 9).unwrap(), events(50..51));
}

#[test]
fn a_time_is_found_in_the_log_by_chunks() {
    let place = Place::new();
    let mut store = place.open();
    for first in (0..30).step_by(10) {
        append(&mut store, first, &events(first..first + 10)).unwrap();
        store.commit().unwrap(); // a chunk each
    }
    let times: Vec<_> = store.read_events(0, 30).unwrap().into_iter().map(|(time, _)| time).collect();
    assert_eq!(store.log_offset_of(times[0] - 1).unwrap(), 0);
    for (at, expected) in [(0, 9), (9, 9), (10, 19), (19, 19), (29, 30)] {
        let offset = store.log_offset_of(times[at]).unwrap();
        assert_eq!(offset, expected, "of the event at {at}");
    }
    store.save_checkpoint(&checkpoint(1, 30)).unwrap();
    let offset = store.log_offset_of(times[15]).unwrap();
    assert_eq!(store.prune_log(offset).unwrap(), 10, "the chunk with the time stays");
}

#[test]
fn the_log_can_be_read_as_of_one_moment_while_a_run_writes() {
    let place = Place::new();
    let mut store = place.open();
    append(&mut store, 0, &events(0..10)).unwrap();
    store.commit().unwrap();
    let reader = LogReader::open(store.path()).unwrap();
    append(&mut store, 10, &events(10..20)).unwrap();
    store.save_checkpoint(&checkpoint(1, 20)).unwrap();
    assert_eq!(store.prune_log(20).unwrap(), 10);
    store.commit().unwrap();
    assert_eq!((reader.start().unwrap(), reader.end()), (0, 10));
    assert_eq!(reader.read(0, 100).unwrap(), events(0..10));
    assert_eq!(reader.read(4, 3).unwrap(), events(4..7));
    let later = LogReader::open(store.path()).unwrap();
    assert_eq!((later.start().unwrap(), later.end()), (10, 20));
    assert!(later.read(3, 1).unwrap_err().to_string().contains("holds 10 up to 20"));
    assert!(LogReader::open(Path::new("nowhere.db")).is_err());
}

#[test]
fn small_facts_are_kept_by_name() {
    let place = Place::new();
    let mut store = place.open();
    assert_eq!(store.meta("seed").unwrap(), None);
    store.set_meta("seed", "7").unwrap();
    store.set_meta("seed", "8").unwrap();
    store.commit().unwrap();
    drop(store);
    assert_eq!(place.open().meta("seed").unwrap().as_deref(), Some("8"));
}

#[test]
fn readers_see_the_last_commit_while_a_run_writes() {
    let place = Place::new();
    let mut store = place.open();
    store.write(&flush(10, &[(1, 1)])).unwrap();
    let reader = place.read();
    store.write_rows(&flush(20, &[(1, 2)])).unwrap();
    assert_eq!(ask(&reader, "SELECT n || '' FROM counts"), ["1"]);
    store.commit().unwrap();
    assert_eq!(ask(&reader, "SELECT n || '' FROM counts"), ["2"]);
    assert_eq!(
        ask(&reader, "SELECT as_of || ' ' || def_version FROM counts"),
        [format!("19 {}", model::DEF_VERSION)]
    );
}

#[test]
fn a_database_that_another_program_locks_is_told_and_may_be_tried_again() {
    let place = Place::new();
    let mut store = place.open();
    let other = place.read();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let message = store.write(&flush(10, &[(1, 1)])).unwrap_err().to_string();
    assert!(message.contains("millrace.db") && message.contains("another program is writing"), "{message}");
    other.execute_batch("COMMIT").unwrap();
    store.write(&flush(10, &[(1, 1)])).unwrap();
    assert_eq!(store.committed().unwrap(), Some(10));
}

#[test]
fn new_columns_are_added_and_columns_of_newer_programs_stay() {
    static WIDER: Schema = Schema {
        columns: &[
            Column { name: "id", kind: Kind::Count, doc: "Which." },
            Column { name: "note", kind: Kind::Text, doc: "Why." },
            Column { name: "n", kind: Kind::Amount, doc: "How many, raw units." },
        ],
        ..COUNTS
    };
    let place = Place::new();
    place.open().write(&flush(10, &[(1, 1), (2, 2)])).unwrap();

    let mut store = EmbeddedStore::open(&place.config).unwrap();
    store.prepare(&[&WIDER]).unwrap();
    let row = vec![Value::Count(1), Value::from("new"), Value::Amount(5)];
    let changes = vec![(11, Change::Upsert(row))];
    store.write(&Flush { frontier: 20, tables: vec![Table { schema: &WIDER, changes }] }).unwrap();
    drop(store);
    let all = "SELECT id || ' ' || n || ' ' || ifnull(note, '-') FROM counts ORDER BY id";
    assert_eq!(place.ask(all), ["1 5 new", "2 2 -"]);

    // The narrower schema knows no note: a row that it writes must not keep the note of another.
    place.open().write(&flush(30, &[(1, 6)])).unwrap();
    assert_eq!(place.ask(all), ["1 6 -", "2 2 -"]);
}

#[test]
fn readers_find_the_indexes_of_the_schema_and_a_table_without_gets_them() {
    static INDEXED: Schema = Schema { indexes: &[&["n"], &["n", "as_of"]], ..COUNTS };
    let place = Place::new();
    place.open().write(&flush(10, &[(1, 1)])).unwrap();
    for _ in 0..2 {
        EmbeddedStore::open(&place.config).unwrap().prepare(&[&INDEXED]).unwrap();
    }
    let names = "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'counts' ORDER BY name";
    assert_eq!(place.ask(names), ["counts_by_n", "counts_by_n_as_of"]);
}

#[test]
fn a_table_of_another_shape_is_refused_with_what_to_do() {
    static OTHER_KEY: Schema = Schema { key: 2, ..COUNTS };
    static OTHER_KIND: Schema = Schema {
        columns: &[
            Column { name: "id", kind: Kind::Count, doc: "" },
            Column { name: "n", kind: Kind::Float, doc: "" },
        ],
        ..COUNTS
    };
    static FOREIGN: Schema = Schema { name: "foreign", ..COUNTS };
    let place = Place::new();
    let mut store = place.open();
    place.read().execute_batch("CREATE TABLE \"foreign\" (id)").unwrap();
    for (schema, says) in [
        (&OTHER_KEY, "its key is (id), not (id, n); name another path"),
        (&OTHER_KIND, "its column `n` holds Amount, not Float; name another path"),
        (&FOREIGN, "made by another program"),
    ] {
        let message = store.prepare(&[schema]).unwrap_err().to_string();
        let start = format!("sqlite: cannot prepare the table {}: ", schema.name);
        assert!(message.starts_with(&start) && message.contains(says), "{message}");
    }
}

#[test]
fn the_table_carries_the_docs_of_its_columns() {
    let place = Place::new();
    drop(place.open());
    let sql = place.ask("SELECT sql FROM sqlite_schema WHERE name = 'counts'");
    assert!(sql[0].contains("-- How many, raw units."), "{}", sql[0]);
}

#[test]
fn files_that_are_not_ours_are_refused_and_left_alone() {
    let place = Place::new();
    let path: &Path = &place.config.path;
    fs::write(path, "a text that is longer than the header of a database ".repeat(9)).unwrap();
    assert!(place.refused().contains("name another path, or move it away"), "{}", place.refused());

    fs::remove_file(path).unwrap();
    place.read().execute_batch("CREATE TABLE mine (x)").unwrap();
    let before = fs::read(path).unwrap();
    assert!(place.refused().contains("a database of another program"), "{}", place.refused());
    assert_eq!(fs::read(path).unwrap(), before);
}

#[test]
fn a_database_of_another_format_is_refused() {
    let place = Place::new();
    drop(place.open());
    place.read().execute_batch("PRAGMA user_version = 1000").unwrap();
    assert!(place.refused().contains("a newer millrace (format 1000, this one knows"), "{}", place.refused());
    place.read().execute_batch("PRAGMA user_version = 0").unwrap();
    assert!(place.refused().contains("an older millrace (format 0"), "{}", place.refused());
}

#[test]
fn a_folder_that_is_not_there_is_told() {
    let place = Place::new();
    let config = Config { path: place.dir.path().join("no/folder/a.db"), ..Config::default() };
    let message = EmbeddedStore::open(&config).err().unwrap().to_string();
    assert!(message.contains("check that its folder exists"), "{message}");
}

#[test]
fn a_damaged_log_is_told_with_the_offset() {
    let place = Place::new();
    let mut store = place.open();
    append(&mut store, 0, &events(0..5)).unwrap();
    store.commit().unwrap();
    place.read().execute("UPDATE _event_log SET bytes = substr(bytes, 1, length(bytes) - 3)", ()).unwrap();
    let message = store.read_events(0, 9).unwrap_err().to_string();
    assert!(message.contains("the log is damaged: offset 4 cannot be read"), "{message}");
}

#[test]
fn a_finished_database_is_one_file() {
    let place = Place::new();
    let mut store = place.open();
    store.write(&flush(10, &[(1, 1)])).unwrap();
    store.finish().unwrap();
    let other = Place::new();
    fs::copy(&place.config.path, &other.config.path).unwrap();
    assert_eq!(other.ask("SELECT id || ' ' || n FROM counts"), ["1 1"]);
}
