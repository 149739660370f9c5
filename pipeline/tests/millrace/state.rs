//! State that does not fit is refused or worked out again, and never used.

use std::path::Path;

use rusqlite::Connection;

use crate::common::{millrace, run, run_well, stderr, stdout};

/// A run of a recorded market into `run.db`, whose settings are in `run.toml`.
fn market(folder: &Path, more: &str) {
    if !folder.join("market.jsonl").exists() {
        run_well(folder, &["-q", "simulate", "--seed", "5", "--seconds", "60", "--out", "market.jsonl"]);
    }
    let source = "[source]\ntype = \"transactions\"\n[source.transactions]\npaths = [\"market.jsonl\"]\n";
    let run = "[run]\nspeed = \"max\"\nflush_interval_ms = 20\ncheckpoint_interval_s = 1\n";
    std::fs::write(folder.join("run.toml"), format!("{source}{run}{more}")).unwrap();
}

const RUN: [&str; 5] = ["--config", "run.toml", "run", "--db", "run.db"];
const OTHER_SETTINGS: &str =
    "[dataflow.market.candles]\nintervals = [\"15s\", \"1m\", \"5m\", \"15m\", \"1h\", \"4h\", \"1d\"]\n";

fn assert_same(folder: &Path, one: &str, other: &str) {
    let output = run(folder, &["diff", one, other]);
    assert_eq!(output.status.code(), Some(0), "{one} and {other}: {}", stdout(&output));
}

#[test]
fn under_other_settings_all_is_worked_out_again_from_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    market(folder, "");
    run_well(folder, &RUN);
    market(folder, OTHER_SETTINGS);
    let text = stderr(&run_well(folder, &RUN));
    assert!(
        text.contains("worked out again") && text.contains("dataflow.market.candles.intervals"),
        "{text}"
    );
    run_well(folder, &["--config", "run.toml", "run", "--db", "fresh.db"]);
    assert_same(folder, "run.db", "fresh.db");
    let again = stderr(&run_well(folder, &RUN));
    assert!(!again.contains("worked out again"), "{again}");
}

#[test]
fn where_that_cannot_be_a_run_under_other_settings_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let sinks =
        "[[sinks]]\ntype = \"sqlite\"\npath = \"run.db\"\n[[sinks]]\ntype = \"jsonl\"\ndir = \"out\"\n";
    market(folder, sinks);
    run_well(folder, &RUN);
    market(folder, &format!("{sinks}{OTHER_SETTINGS}"));
    let output = run(folder, &RUN);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("another output has rows") && text.contains("candles.intervals: ["), "{text}");
}

/// Flips a bit in the middle of pieces of checkpoints; of how many.
fn flip_a_bit(database: &Path, which: &str) -> usize {
    let connection = Connection::open(database).unwrap();
    let query = format!("SELECT rowid, bytes FROM _checkpoint_pieces WHERE length(bytes) > 100 AND {which}");
    let mut select = connection.prepare(&query).unwrap();
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?));
    let pieces: Vec<(i64, Vec<u8>)> = select.query_map((), row).unwrap().map(Result::unwrap).collect();
    for (at, bytes) in &pieces {
        let mut bytes = bytes.clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        connection.execute("UPDATE _checkpoint_pieces SET bytes = ?1 WHERE rowid = ?2", (bytes, at)).unwrap();
    }
    pieces.len()
}

#[test]
fn a_flipped_bit_in_a_checkpoint_is_told_and_costs_no_row() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    market(folder, "");
    run_well(folder, &RUN);
    std::fs::copy(folder.join("run.db"), folder.join("whole.db")).unwrap();
    for which in ["time = (SELECT max(time) FROM _checkpoints)", "1"] {
        assert!(flip_a_bit(&folder.join("run.db"), which) > 0);
        let text = stderr(&run_well(folder, &[&["-q"], &RUN[..]].concat()));
        assert!(text.contains("a checkpoint is damaged"), "{text}");
        assert_same(folder, "run.db", "whole.db");
    }
}

#[test]
fn another_name_of_a_database_that_a_run_holds_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    market(folder, "");
    run_well(folder, &RUN);
    std::fs::hard_link(folder.join("run.db"), folder.join("linked.db")).unwrap();
    std::os::unix::fs::symlink("run.db", folder.join("pointing.db")).unwrap();
    let held = std::fs::File::options().write(true).open(folder.join("run.db")).unwrap();
    held.lock().unwrap();
    for name in ["linked.db", "pointing.db", "run.db"] {
        let output = millrace(folder, &["--config", "run.toml", "run", "--db", name]).output().unwrap();
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(&format!("{name}: another run is writing to it")), "{text}");
    }
    drop(held);
    run_well(folder, &RUN);
}
