//! Runs that are killed, stopped, gone on with on other numbers of workers, or that cannot write: what
//! stands in the end is what one run without any of it writes.
//!
//! Moments are chosen by how much of the database was written, not by the clock, so that they fall in
//! the middle on every machine.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use dataflows::Clock;
use model::Event;
use sinks::sqlite::{self, EmbeddedStore};
use sources::simulate::{self, Simulate};
use sources::{Source as _, Step};
use tempfile::TempDir;

/// A market that ends by itself, with everything that a feed does to it.
const MARKET: &str = "
[source.simulate]
seed = 3
seconds = 240
pools_at_start = 100
fork_probability = 0.02
fork_depth_slots_max = 8
duplicate_ratio = 0.05
late_ratio = 0.05
[dataflow]
correction_horizon_s = 60
[dataflow.market.candles]
intervals = [\"1s\", \"1m\", \"1h\"]
";

/// Nothing here takes this long, however slow the machine; what does hangs.
const PATIENCE: Duration = Duration::from_secs(180);

/// The events of [`MARKET`], as its source yields them.
fn events() -> Vec<Event> {
    let market = simulate::Params {
        seed: 3,
        seconds: Some(240),
        pools_at_start: 100,
        fork_probability: 0.02,
        fork_depth_slots_max: 8,
        duplicate_ratio: 0.05,
        late_ratio: 0.05,
        ..simulate::Params::default()
    };
    let mut source = Simulate::new(&market).unwrap();
    let mut events = Vec::new();
    while source.read(&mut events).unwrap() == Step::More {}
    events
}

/// Events that the engine reads from the log at once.
const LOG_READ_EVENTS: u64 = 16_384;

/// A folder with the configuration `m.toml`: the market, and `run` settings.
fn folder(run: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let settings =
        format!("{MARKET}[run]\nspeed = \"max\"\nflush_interval_ms = 20\n{run}\n[api]\nenabled = false\n");
    std::fs::write(folder.path().join("m.toml"), settings).unwrap();
    folder
}

/// The binary, without settings of the environment that runs the tests.
fn millrace(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millrace"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("MILLRACE_")) {
        command.env_remove(name);
    }
    command.current_dir(folder).args(["-q", "--config", "m.toml"]).args(arguments);
    command
}

fn start(folder: &Path, arguments: &[&str]) -> Child {
    millrace(folder, arguments).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits for the end of a process, which must come.
fn end(mut child: Child) -> Output {
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("it hangs: {}", stderr(&child.wait_with_output().unwrap()));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    end(start(folder, arguments))
}

fn run_well(folder: &Path, arguments: &[&str]) {
    let output = run(folder, arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// How many errors a user is told.
fn errors(text: &str) -> usize {
    text.lines().filter(|line| line.starts_with("error: ")).count()
}

/// Bytes of the database and of what it has not yet copied back.
fn written(folder: &Path) -> u64 {
    let size = |name: &str| std::fs::metadata(folder.join(name)).map_or(0, |file| file.len());
    size("millrace.db") + size("millrace.db-wal")
}

/// Waits until so many more KiB are written. False if the process ended before.
fn wait_for_kib(child: &mut Child, folder: &Path, kib: u64) -> bool {
    let until = written(folder) + kib * 1024;
    let started = Instant::now();
    while written(folder) < until {
        assert!(started.elapsed() < PATIENCE, "nothing is written");
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    child.try_wait().unwrap().is_none()
}

/// Runs until so many more KiB are written, and kills. False if the run ended before.
fn kill_after_kib(folder: &Path, workers: &str, kib: u64) -> bool {
    let mut child = start(folder, &["run", "--workers", workers]);
    let was_running = wait_for_kib(&mut child, folder, kib);
    child.kill().unwrap();
    child.wait().unwrap();
    was_running
}

/// What a database that nobody writes to says of itself.
struct Found {
    log_end: u64,
    /// Offset and time of the newest checkpoint.
    checkpoint: Option<(u64, u64)>,
}

fn open(folder: &Path) -> EmbeddedStore {
    let config = sqlite::Config { path: folder.join("millrace.db"), ..sqlite::Config::default() };
    EmbeddedStore::open(&config).unwrap()
}

/// Opens what a killed run has left: rows, log and checkpoints are of one moment.
fn found(folder: &Path) -> Found {
    let store = open(folder);
    let checkpoint = store.checkpoints().unwrap().first().map(|place| (place.log_offset, place.time));
    let progress = store.progress().unwrap();
    if let Some((offset, time)) = checkpoint {
        assert!(offset <= store.log_end(), "the log ends before the checkpoint");
        let rows = progress.map_or(0, |progress| progress.frontier);
        assert!(time <= rows, "the checkpoint is of {time}, and the rows only up to {rows}");
    }
    if let Some(progress) = progress {
        assert!(progress.log_offset <= store.log_end(), "rows of events that the log does not have");
    }
    Found { log_end: store.log_end(), checkpoint }
}

/// The market in one run that nothing disturbs.
fn undisturbed() -> &'static Path {
    static DATABASE: OnceLock<PathBuf> = OnceLock::new();
    DATABASE.get_or_init(|| {
        let folder = folder("");
        run_well(folder.path(), &["run"]);
        let database = Path::new(env!("CARGO_TARGET_TMPDIR")).join("undisturbed.db");
        std::fs::copy(folder.path().join("millrace.db"), &database).unwrap();
        database
    })
}

fn differences(folder: &Path, a: &str, b: &str) -> (Option<i32>, String) {
    let output = millrace(folder, &["diff", a, b, "--limit", "1000000"]).output().unwrap();
    (output.status.code(), format!("{}{}", String::from_utf8_lossy(&output.stdout), stderr(&output)))
}

/// Runs to the end, and compares with the run that nothing disturbed.
fn goes_on_to_the_same_end(folder: &Path, workers: &str) {
    run_well(folder, &["run", "--workers", workers]);
    is_as_undisturbed(folder);
}

fn is_as_undisturbed(folder: &Path) {
    agree(folder, "millrace.db", undisturbed().to_str().unwrap());
}

/// Two outputs are the same in all tables, and not for want of rows.
fn agree(folder: &Path, a: &str, b: &str) {
    let (code, text) = differences(folder, a, b);
    assert_eq!(code, Some(0), "{}", text.lines().take(30).collect::<Vec<_>>().join("\n"));
    let rows = |record: &str| {
        let line = text.lines().find(|line| line.starts_with(record)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    assert!(rows("trades") > 3_000 && rows("candles") > 3_000, "{text}");
}

#[test]
fn killed_again_and_again_it_ends_as_if_it_never_was() {
    let folder = folder("checkpoint_interval_s = 1");
    let kills = [(0, "1"), (1, "1"), (700, "1"), (2_000, "1"), (300, "1"), (4_000, "1"), (1_000, "1")];
    let hits = kills.into_iter().filter(|(kib, workers)| {
        let was_running = kill_after_kib(folder.path(), workers, *kib);
        found(folder.path());
        was_running
    });
    assert!(hits.count() >= 5, "most kills came in the middle");
    goes_on_to_the_same_end(folder.path(), "1");
}

#[test]
fn killed_with_ever_other_workers_it_ends_as_if_it_never_was() {
    let folder = folder("checkpoint_interval_s = 1");
    let kills = [(2_500, "3"), (1_500, "1"), (1_500, "2"), (1_500, "3")];
    let hits = kills.into_iter().filter(|(kib, workers)| kill_after_kib(folder.path(), workers, *kib));
    assert!(hits.count() >= 3, "most kills came in the middle");
    found(folder.path());
    goes_on_to_the_same_end(folder.path(), "2");
}

#[test]
fn a_log_of_many_events_without_a_checkpoint_is_taken_up_again() {
    let folder = folder("checkpoint_interval_s = 3600");
    assert!(kill_after_kib(folder.path(), "1", 100), "it is killed in the middle");
    assert_eq!(found(folder.path()).checkpoint, None);

    // As if it had been killed later, when it had read all and its workers were behind.
    let mut store = open(folder.path());
    let logged = store.read_events(0, usize::MAX).unwrap();
    let mut clock = Clock::default();
    for (time, event) in &logged {
        clock.hear(event);
        clock = Clock::resume(clock.second(), *time);
    }
    let batches = clock.cut(events().into_iter().skip(logged.len()));
    let rest = batches.iter().flat_map(|(time, events)| events.iter().map(|event| (*time, event)));
    store.append_events(store.log_end(), rest).unwrap();
    store.commit().unwrap();
    let border = store.read_events(LOG_READ_EVENTS - 1, 2).unwrap();
    assert_eq!(border[0].0, border[1].0, "a read of the log ends within what was handed over at once");
    drop(store);

    goes_on_to_the_same_end(folder.path(), "2");
}

#[test]
fn stopped_by_signals_and_by_time_it_goes_on() {
    let folder = folder("checkpoint_interval_s = 3600");
    for (name, workers, kib) in [("TERM", "1", 500), ("INT", "2", 3_000), ("TERM", "3", 1)] {
        let mut child = start(folder.path(), &["run", "--workers", workers]);
        assert!(wait_for_kib(&mut child, folder.path(), kib), "it is stopped in the middle");
        let kill = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
        assert!(kill.unwrap().success());
        let output = end(child);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let Found { log_end, checkpoint } = found(folder.path());
        let after = checkpoint.map(|(offset, _)| offset + 1);
        assert_eq!(after, Some(log_end), "a clean end is a checkpoint, and an ending in the log");
    }
    run_well(folder.path(), &["run", "--seconds", "1"]);
    found(folder.path());
    goes_on_to_the_same_end(folder.path(), "1");
    // And once more, when there is nothing left to do.
    goes_on_to_the_same_end(folder.path(), "2");
}

#[test]
fn a_market_of_another_length_is_another_source() {
    // Where a market ends its last slots settle; a longer one has its next trades there.
    let folder = folder("");
    run_well(folder.path(), &["run", "--seconds", "1"]);
    let output =
        millrace(folder.path(), &["run"]).env("MILLRACE_SOURCE__SIMULATE__SECONDS", "300").output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("seconds: 240 → 300"), "{}", stderr(&output));
}

#[test]
fn an_output_that_joins_later_is_refused() {
    let database = "[[sinks]]\ntype = \"sqlite\"\n";
    for output in ["type = \"sqlite\"\npath = \"copy.db\"", "type = \"jsonl\"\ndir = \"out\""] {
        let folder = folder("");
        run_well(folder.path(), &["run", "--seconds", "1"]);
        let sinks = format!("{MARKET}{database}[[sinks]]\n{output}\n");
        std::fs::write(folder.path().join("m.toml"), sinks).unwrap();
        let second = run(folder.path(), &["run", "--seconds", "1"]);
        assert_eq!(second.status.code(), Some(1), "{}", stderr(&second));
        assert!(
            stderr(&second).contains("lacks rows from before the last checkpoint"),
            "{}",
            stderr(&second)
        );
    }
}

#[test]
fn outputs_that_were_there_from_the_start_end_alike() {
    let folder = folder("checkpoint_interval_s = 1");
    let mut settings = std::fs::read_to_string(folder.path().join("m.toml")).unwrap();
    settings += "[[sinks]]\ntype = \"sqlite\"\n[[sinks]]\ntype = \"sqlite\"\npath = \"copy.db\"\n";
    std::fs::write(folder.path().join("m.toml"), settings).unwrap();
    let kills = [(1_000, "1"), (2_000, "2"), (1_000, "1")];
    let hits = kills.into_iter().filter(|(kib, workers)| kill_after_kib(folder.path(), workers, *kib));
    assert!(hits.count() >= 2, "most kills came in the middle");
    goes_on_to_the_same_end(folder.path(), "1");
    let (code, text) = differences(folder.path(), "millrace.db", "copy.db");
    assert_eq!(code, Some(0), "{}", text.lines().take(30).collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_run_and_a_replay_of_its_recording_agree() {
    // The recording has news of slots of its own, forks among them: nothing is to be taken as settled.
    let folder = folder("[source.transactions]\ncommitment = \"processed\"");
    let settings = std::fs::read_to_string(folder.path().join("m.toml")).unwrap();
    let mut settings = settings.replace("seconds = 240", "seconds = 120");
    settings += "[[sinks]]\ntype = \"sqlite\"\n[[sinks]]\ntype = \"jsonl\"\ndir = \"live\"\n";
    std::fs::write(folder.path().join("m.toml"), settings).unwrap();
    run_well(folder.path(), &["simulate", "--out", "market.jsonl"]);
    run_well(folder.path(), &["run"]);
    for order in ["arrival", "chain"] {
        run_well(folder.path(), &["replay", "market.jsonl", "--out", order, "--order", order]);
        agree(folder.path(), "live", order);
    }
    run_well(folder.path(), &["replay", "--log", "millrace.db", "--out", "log"]);
    for (one, other) in [("live", "log"), ("millrace.db", "log"), ("millrace.db", "live")] {
        agree(folder.path(), one, other);
    }
}

#[test]
fn a_database_that_another_run_writes_to_is_left_alone() {
    let folder = folder("");
    let mut first = start(folder.path(), &["run", "--speed", "1"]);
    assert!(wait_for_kib(&mut first, folder.path(), 100));
    let second = run(folder.path(), &["run"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(stderr(&second).contains("millrace.db: another run is writing to it"), "{}", stderr(&second));
    assert_eq!(errors(&stderr(&second)), 1, "{}", stderr(&second));
    first.kill().unwrap();
    first.wait().unwrap();
    goes_on_to_the_same_end(folder.path(), "1");
}

/// The id of the user `nobody` of nearly every system: one who may write nowhere.
const NOBODY: u32 = 65_534;

#[test]
fn a_folder_that_cannot_be_written_is_one_clear_error() {
    let folder = folder("");
    let closed = folder.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    for (path, mode) in [(folder.path(), 0o755), (&closed, 0o555)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let mut command = millrace(folder.path(), &["run", "--db", "closed/millrace.db"]);
    if std::fs::write(closed.join("probe"), "").is_ok() {
        // Nothing is closed to the user who runs the tests.
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            println!("skipped: the binary cannot be started as another user: {error}");
            return;
        }
    };
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_eq!(errors(&text), 1, "{text}");
    assert!(text.contains("closed/millrace.db") && text.contains("writable for this user"), "{text}");
}

/// Runs the binary in a shell that prepares what it meets.
fn run_in_shell(folder: &Path, prepare: &str, arguments: &str) -> Output {
    let script = format!("{prepare} exec \"$0\" -q --config m.toml {arguments}");
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_millrace")]);
    end(command.current_dir(folder).stderr(Stdio::piped()).spawn().unwrap())
}

#[test]
fn a_disk_that_fails_in_the_middle_ends_the_run_and_loses_nothing() {
    let folder = folder("checkpoint_interval_s = 1");
    for (blocks, workers) in [(2_000, "1"), (6_000, "3"), (9_000, "2")] {
        // A limit of the size of files, in blocks of 512 bytes: writes fail, as on a broken disk.
        let limit = format!("trap '' XFSZ; ulimit -f {blocks};");
        let output = run_in_shell(folder.path(), &limit, &format!("run --workers {workers}"));
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert_eq!(errors(&text), 1, "{text}");
        assert!(text.contains("millrace.db") && text.contains("check the disk"), "{text}");
        found(folder.path());
    }
    goes_on_to_the_same_end(folder.path(), "1");
}

#[test]
fn a_full_disk_ends_the_run_and_with_more_room_it_goes_on() {
    let folder = folder("checkpoint_interval_s = 1");
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    // In name spaces of its own: the disk is gone with the shell, whatever happens.
    let script = "mount -t tmpfs -o size=3m none disk || exit 77
        \"$0\" -q --config m.toml run --db disk/millrace.db; echo $? > full.code
        mount -o remount,size=500m disk || exit 78
        \"$0\" -q --config m.toml run --db disk/millrace.db || exit 79
        cp disk/millrace.db millrace.db";
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", script, env!("CARGO_BIN_EXE_millrace")]);
    command.current_dir(folder.path()).stderr(Stdio::piped());
    let output = match command.spawn() {
        Ok(child) => end(child),
        Err(error) => {
            println!("skipped: no disk can be made here: {error}");
            return;
        }
    };
    let text = stderr(&output);
    if !folder.path().join("full.code").exists() {
        println!("skipped: no disk can be made here: {text}");
        return;
    }
    assert_eq!(std::fs::read_to_string(folder.path().join("full.code")).unwrap(), "1\n", "{text}");
    assert_eq!(errors(&text), 1, "{text}");
    assert!(text.contains("free space on its disk"), "{text}");
    assert_eq!(output.status.code(), Some(0), "{text}");
    is_as_undisturbed(folder.path());
}
