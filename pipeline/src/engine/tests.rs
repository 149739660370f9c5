//! Runs whose parts fail, stall and are slow: they end, say why, and keep what they promise.

use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Mutex, PoisonError};

use ::sinks::sqlite::{self, Checkpoint, EmbeddedStore};
use ::sinks::{Flush, SinkError};
use ::sources::simulate::{self, Simulate};
use ::sources::{SourceError, Step};
use model::{Control, Event, Schema, Time};

use super::*;

/// Nothing here takes this long, however slow the machine; what does hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A market, and then silence, a failure, or the end.
struct Feed {
    market: Simulate,
    then: Then,
}

#[derive(Clone, Copy)]
enum Then {
    End,
    Silence,
    Failure,
}

impl Source for Feed {
    fn name(&self) -> &'static str {
        "feed"
    }
    fn read(&mut self, events: &mut Vec<Event>) -> Result<Step, SourceError> {
        let step = self.market.read(events)?;
        match self.then {
            Then::Failure if step == Step::End => {
                Err(SourceError::Io { path: "feed".to_owned(), source: std::io::Error::other("cut off") })
            }
            Then::Silence => Ok(Step::More),
            _ => Ok(step),
        }
    }
    fn counts(&self) -> Counts {
        Counts::new()
    }
}

/// What a test sink was given.
#[derive(Default)]
struct Given {
    frontier: Time,
    flushes: usize,
    rows: usize,
    is_finished: bool,
    /// Whether there was a checkpoint that is ahead of the rows.
    was_overtaken: bool,
    /// Whether it was given rows of events that the store did not have.
    was_ahead: bool,
}

/// A sink that takes its time, or fails at its second flush.
#[derive(Clone, Default)]
struct Probe {
    given: Arc<Mutex<Given>>,
    pause: Duration,
    fails: bool,
    /// True while its server is away.
    is_away: Arc<AtomicBool>,
    /// True until its server has started.
    is_starting: Arc<AtomicBool>,
    /// Where to look for checkpoints.
    store: Option<Store>,
    /// What it has from an earlier run.
    committed: Option<Time>,
}

impl Probe {
    fn given(&self) -> std::sync::MutexGuard<'_, Given> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Probe {
    fn name(&self) -> &'static str {
        "probe"
    }
    fn prepare(&mut self, _: &[&'static Schema]) -> Result<(), SinkError> {
        match self.is_starting.load(std::sync::atomic::Ordering::SeqCst) {
            true => Err(SinkError::new("probe", "prepare", "nobody answers").transient()),
            false => Ok(()),
        }
    }
    fn committed(&mut self) -> Result<Option<Time>, SinkError> {
        Ok(self.committed)
    }
    fn write(&mut self, flush: &Flush) -> Result<(), SinkError> {
        if self.fails && self.given().frontier > 0 {
            return Err(SinkError::new("probe", "write", "the far side is gone"));
        }
        if self.is_away.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(SinkError::new("probe", "write", "nobody answers").transient());
        }
        if let Some(store) = &self.store {
            let has = store.step(Sink::committed)?;
            self.given().was_ahead |= has.unwrap_or(0) < flush.frontier;
        }
        std::thread::sleep(self.pause);
        let checkpoint = match &self.store {
            Some(store) => store.step(|store| store.checkpoints())?.first().map(|place| place.time),
            None => None,
        };
        let mut given = self.given();
        given.was_overtaken |= checkpoint.is_some_and(|time| time > given.frontier);
        given.frontier = flush.frontier;
        given.flushes += 1;
        given.rows += flush.len();
        Ok(())
    }
    fn finish(&mut self) -> Result<(), SinkError> {
        self.given().is_finished = true;
        Ok(())
    }
}

fn job(seconds: Option<u64>, then: Then, workers: usize, sinks: &[&Probe]) -> Job {
    let market = Simulate::new(&simulate::Params { seconds, ..simulate::Params::default() }).unwrap();
    Job {
        source: Box::new(Feed { market, then }),
        oracle: None,
        controls: Vec::new(),
        sinks: sinks.iter().map(|probe| -> Box<dyn Sink> { Box::new((*probe).clone()) }).collect(),
        store: None,
        params: dataflows::Params::default(),
        run: config::RunParams {
            workers,
            speed: config::Speed::Max,
            flush_interval_ms: 1,
            sink_queue_flushes: 1,
            ..config::RunParams::default()
        },
        stop: Arc::default(),
        watch: Arc::default(),
        tap: None,
    }
}

fn start(job: Job) -> Receiver<Result<Summary, String>> {
    let (done, outcome) = sync_channel(1);
    let body = move || done.send(run(job).map_err(|error| format!("{error:#}")));
    std::thread::Builder::new().name("run".to_owned()).spawn(body).unwrap();
    outcome
}

fn end(outcome: &Receiver<Result<Summary, String>>) -> Result<Summary, String> {
    outcome.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("it hangs: {error}"))
}

fn store(folder: &tempfile::TempDir) -> EmbeddedStore {
    let config = sqlite::Config { path: folder.path().join("test.db"), ..sqlite::Config::default() };
    EmbeddedStore::open(&config).unwrap()
}

#[test]
fn a_sink_that_fails_ends_a_run_without_end() {
    for workers in 1..=3 {
        let (failing, other) = (Probe { fails: true, ..Probe::default() }, Probe::default());
        let error = end(&start(job(None, Then::End, workers, &[&other, &failing]))).unwrap_err();
        assert!(error.contains("probe: cannot write: the far side is gone"), "{error}");
        assert!(!other.given().is_finished, "what is not all must not look so");
    }
}

#[test]
fn a_source_that_fails_completes_no_sink_and_says_why() {
    for workers in [1, 3] {
        let probe = Probe::default();
        let error = end(&start(job(Some(20), Then::Failure, workers, &[&probe]))).unwrap_err();
        assert!(error.starts_with("cannot read feed: cut off"), "{error}");
        assert!(probe.given().rows > 0, "what was read is worked out all the same");
        assert!(!probe.given().is_finished, "what is not all must not look so");
    }
}

#[test]
fn a_slow_sink_holds_back_the_others_and_nothing_is_stuck() {
    let rows = |workers: usize, pause_ms: u64| {
        let slow = Probe { pause: Duration::from_millis(pause_ms), ..Probe::default() };
        let quick = Probe::default();
        end(&start(job(Some(30), Then::End, workers, &[&slow, &quick]))).unwrap();
        let (slow, quick) = (slow.given(), quick.given());
        assert!(slow.is_finished && quick.is_finished);
        assert_eq!((slow.frontier, slow.rows), (quick.frontier, quick.rows), "both got the same flushes");
        slow.frontier
    };
    let frontier = rows(1, 0);
    for workers in 1..=3 {
        assert_eq!(rows(workers, 30), frontier, "all times are out");
    }
}

#[test]
fn a_run_whose_source_is_silent_stops_when_it_is_asked_to() {
    for workers in [1, 3] {
        let probe = Probe::default();
        let job = job(Some(5), Then::Silence, workers, &[&probe]);
        let (stop, watch) = (Arc::clone(&job.stop), Arc::clone(&job.watch));
        let outcome = start(job);
        while watch.event_second().is_none_or(|second| second < simulate::Params::default().start_time_s + 4)
        {
            assert_eq!(outcome.recv_timeout(Duration::from_millis(5)).err(), Some(RecvTimeoutError::Timeout));
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        end(&outcome).unwrap();
        assert!(probe.given().is_finished && probe.given().rows > 0);
    }
}

#[test]
fn no_checkpoint_is_ahead_of_the_rows_of_any_sink() {
    for workers in [1, 3] {
        let folder = tempfile::tempdir().unwrap();
        let kept = Store::new(store(&folder));
        let probe =
            Probe { pause: Duration::from_millis(100), store: Some(kept.clone()), ..Probe::default() };
        let mut job = job(Some(30), Then::End, workers, &[&probe]);
        job.store = Some(kept.clone());
        end(&start(job)).unwrap();
        assert!(!probe.given().was_overtaken, "the sink was still writing what the checkpoint builds on");
        let newest = kept.step(|store| store.checkpoints()).unwrap().first().map(|place| place.time);
        // The end of the input is behind the last checkpoint, for a run that goes on as if there were none, and the
        // last flush of a run has a frontier of its own.
        assert_eq!(newest.map(|time| time + 2), Some(probe.given().frontier));
    }
}

#[test]
fn no_sink_is_given_rows_of_events_that_the_store_does_not_have() {
    let folder = tempfile::tempdir().unwrap();
    let kept = Store::new(store(&folder));
    let probe = Probe { store: Some(kept.clone()), ..Probe::default() };
    let mut job = job(Some(60), Then::End, 1, &[&probe]);
    job.store = Some(kept);
    job.run.flush_interval_ms = 1;
    end(&start(job)).unwrap();
    assert!(probe.given().flushes > 1 && !probe.given().was_ahead);
}

/// While nothing comes, and when a run is being stopped, times are closed that the log does not tell of.
#[test]
fn after_a_crash_nothing_new_comes_at_times_that_a_sink_has() {
    let mut source = job(Some(5), Then::End, 1, &[]).source;
    let mut events = Vec::new();
    while source.read(&mut events).unwrap() == Step::More {}
    let mut clock = dataflows::Clock::default();
    let mut batches = clock.cut(events);
    let (last, batch) = batches.pop().unwrap();
    batches.push((last, batch[..batch.len() / 2].to_vec()));
    let folder = tempfile::tempdir().unwrap();
    let kept = Store::new(store(&folder));
    kept.append(0, &batches).unwrap();
    let logged: usize = batches.iter().map(|(_, events)| events.len()).sum();
    let probe = Probe { committed: Some(last + 100), ..Probe::default() };
    let mut job = job(Some(5), Then::End, 1, &[&probe]);
    job.store = Some(kept.clone());
    end(&start(job)).unwrap();
    let mut new = kept.read_log(logged as u64, usize::MAX >> 1).unwrap();
    assert_eq!(new.pop().map(|(_, event)| event), Some(model::Mark::ENDED));
    assert_eq!(new.len(), batch.len() - batch.len() / 2);
    assert!(new.iter().all(|(time, _)| *time == last + 100));
}

#[test]
fn a_sink_that_is_away_holds_back_nothing_up_to_its_bound_and_catches_up() {
    const BOUND: usize = 3;
    let folder = tempfile::tempdir().unwrap();
    let kept = Store::new(store(&folder));
    let (away, other) = (Probe { store: Some(kept.clone()), ..Probe::default() }, Probe::default());
    away.is_away.store(true, std::sync::atomic::Ordering::SeqCst);
    let mut job = job(Some(60), Then::End, 1, &[&away, &other]);
    job.store = Some(kept.clone());
    job.run.sink_queue_flushes = BOUND;
    job.run.checkpoint_interval_s = 0;
    // Slow enough that it has more flushes than the bound on a busy machine too.
    job.run.speed = config::Speed::Times(20.0);
    let outcome = start(job);
    let runs_on = |pause: u64| {
        let outcome = outcome.recv_timeout(Duration::from_millis(pause));
        assert_eq!(outcome.err(), Some(RecvTimeoutError::Timeout));
    };
    while other.given().flushes <= BOUND {
        runs_on(5);
    }
    // One is being tried, the bound waits, and the next has not come through to the other.
    runs_on(500);
    assert_eq!(other.given().flushes, BOUND + 1, "the other goes on up to the bound, and not beyond");
    assert_eq!(away.given().flushes, 0);
    assert!(kept.step(|store| store.checkpoints()).unwrap().is_empty(), "checkpoints wait for all sinks");
    away.is_away.store(false, std::sync::atomic::Ordering::SeqCst);
    end(&outcome).unwrap();
    let (away, other) = (away.given(), other.given());
    assert_eq!((away.frontier, away.rows), (other.frontier, other.rows));
    assert!(away.is_finished && other.flushes > BOUND + 1 && !away.was_overtaken);
    assert!(!kept.step(|store| store.checkpoints()).unwrap().is_empty());
}

#[test]
fn a_sink_that_stays_away_ends_the_run() {
    let (away, other) = (Probe::default(), Probe::default());
    away.is_away.store(true, std::sync::atomic::Ordering::SeqCst);
    let mut job = job(None, Then::End, 2, &[&other, &away]);
    job.run.sink_retry_for_s = 1;
    let error = end(&start(job)).unwrap_err();
    assert!(error.contains("probe: cannot write: nobody answers"), "{error}");
    assert!(!other.given().is_finished);
}

#[test]
fn a_run_that_starts_waits_for_a_sink_whose_server_starts_too() {
    let probe = Probe::default();
    probe.is_starting.store(true, std::sync::atomic::Ordering::SeqCst);
    let outcome = start(job(Some(5), Then::End, 1, &[&probe]));
    assert_eq!(outcome.recv_timeout(Duration::from_millis(300)).err(), Some(RecvTimeoutError::Timeout));
    probe.is_starting.store(false, std::sync::atomic::Ordering::SeqCst);
    end(&outcome).unwrap();
    assert!(probe.given().is_finished && probe.given().rows > 0);
}

#[test]
fn a_run_that_waits_for_a_server_stops_when_it_is_asked_to() {
    let probe = Probe::default();
    probe.is_starting.store(true, std::sync::atomic::Ordering::SeqCst);
    let job = job(None, Then::End, 1, &[&probe]);
    let stop = Arc::clone(&job.stop);
    let outcome = start(job);
    assert_eq!(outcome.recv_timeout(Duration::from_millis(100)).err(), Some(RecvTimeoutError::Timeout));
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let error = end(&outcome).unwrap_err();
    assert!(error.contains("probe: cannot prepare: nobody answers"), "{error}");
}

/// Says something new at every read, and something that is no quote.
#[derive(Default)]
struct Chatter(u64);

impl Source for Chatter {
    fn name(&self) -> &'static str {
        "chatter"
    }
    fn read(&mut self, events: &mut Vec<Event>) -> Result<Step, SourceError> {
        self.0 += 1;
        events.push(Event::Quote(model::PriceQuote {
            mint: model::Address::WSOL,
            usd: model::Price::new(150.0).unwrap(),
            publish_time: self.0,
            source: "chatter".to_owned(),
        }));
        if self.0.is_multiple_of(3) {
            events.push(Event::Reject(model::Reject {
                source: "chatter".to_owned(),
                cursor: self.0.to_string(),
                reason: model::RejectReason::Malformed,
                program: None,
                signature: None,
                slot: None,
                detail: String::new(),
            }));
        }
        Ok(Step::More)
    }
    fn counts(&self) -> Counts {
        Counts::from([("said".to_owned(), self.0)])
    }
}

/// What the log holds: of the source, and of the oracle.
fn logged(store: &Store) -> (Vec<Event>, Vec<Event>) {
    let (end, start) = store.step(|store| Ok((store.log_end(), store.log_start()?))).unwrap();
    assert_eq!(start, 0, "the retention is longer than the market");
    let events = store.read_log(0, usize::try_from(end).unwrap()).unwrap();
    events.into_iter().map(|(_, event)| event).partition(|event| match event {
        Event::Quote(_) => false,
        Event::Reject(reject) => reject.source != "chatter",
        Event::Control(_) | Event::Mark(_) => false,
        _ => true,
    })
}

/// The wallets that stand on lists by what was said.
fn listed(events: &[Event]) -> Vec<u8> {
    let mut wallets = Vec::new();
    for event in events {
        match event {
            Event::Control(Control::AddListEntry(entry)) => wallets.push(entry.trader.0[0]),
            Event::Control(Control::RemoveListEntry { entry, .. }) => {
                wallets.retain(|wallet| *wallet != entry.trader.0[0]);
            }
            _ => {}
        }
    }
    wallets
}

#[test]
fn a_run_beside_an_oracle_and_a_list_goes_on_where_its_source_was() {
    let mut source = job(Some(30), Then::End, 1, &[]).source;
    let mut expected = Vec::new();
    while source.read(&mut expected).unwrap() == Step::More {}
    let all = expected.len();
    expected.retain(|event| !matches!(event, Event::Quote(_)));
    assert_eq!(all - expected.len(), 30);
    let folder = tempfile::tempdir().unwrap();
    let mut heard = 0;
    // It fails before there is a checkpoint, is stopped in the middle, and comes to its end.
    for (wallet, (fails, until)) in (1..).zip([(true, None), (false, Some(20)), (false, None)]) {
        let kept = Store::new(store(&folder));
        let probe = Probe { fails, ..Probe::default() };
        let failing = [&probe];
        let mut job = job(Some(30), Then::End, 2, if fails { &failing } else { &[] });
        job.oracle = Some(Box::<Chatter>::default());
        // Each run finds another wallet on the list.
        let list = folder.path().join("list.jsonl");
        let line = format!("{{\"list\": \"a\", \"trader\": \"{}\"}}", model::Address([wallet; 32]));
        std::fs::write(&list, line).unwrap();
        job.controls = vec![Followed::lists(vec![list])];
        job.store = Some(kept.clone());
        job.run.speed = config::Speed::Times(20.0);
        let (stop, watch) = (Arc::clone(&job.stop), Arc::clone(&job.watch));
        let outcome = start(job);
        if let Some(until) = until {
            let last = simulate::Params::default().start_time_s + until;
            while watch.event_second().is_none_or(|second| second < last) {
                assert_eq!(
                    outcome.recv_timeout(Duration::from_millis(2)).err(),
                    Some(RecvTimeoutError::Timeout)
                );
            }
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        }
        match end(&outcome) {
            Ok(Summary { counts, .. }) => {
                assert!(counts["said"] > 0 && counts["quote_passed_over"] > 0, "{counts:?}");
            }
            Err(error) => assert!(fails, "{error}"),
        }
        let (of_source, of_oracle) = logged(&kept);
        assert!(of_oracle.len() > heard, "it is heard in every run");
        heard = of_oracle.len();
        assert_eq!(listed(&of_oracle), [wallet], "and the one before is taken back");
        assert!(of_source == expected[..of_source.len()], "each event of the source once, in order");
        assert_eq!(of_source.len() == expected.len(), !fails && until.is_none());
        let checkpoints = kept.step(|store| store.checkpoints()).unwrap();
        assert_eq!(checkpoints.is_empty(), fails);
    }
}

#[test]
fn a_checkpoint_that_cannot_be_read_ends_a_run_without_end() {
    for workers in [1, 3] {
        let folder = tempfile::tempdir().unwrap();
        let mut broken = store(&folder);
        let fingerprint = Fingerprint::of(&dataflows::Params::default()).unwrap();
        let parts = vec![
            ("0/candles".to_owned(), vec![0xff; 9]),
            ("fingerprint".to_owned(), postcard::to_stdvec(&fingerprint).unwrap()),
        ];
        broken.save_checkpoint(&Checkpoint { time: 0, log_offset: 0, parts }).unwrap();
        let mut job = job(None, Then::End, workers, &[]);
        job.store = Some(Store::new(broken));
        let error = end(&start(job)).unwrap_err();
        assert!(error.contains("the snapshot of operator `candles` cannot be read"), "{error}");
    }
}

#[test]
fn after_a_failed_step_the_store_takes_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(store(&folder));
    let event = || {
        vec![(
            1,
            vec![Event::Slot(model::SlotStatus {
                slot: 1,
                state: model::SlotState::Processed,
                parent: None,
                block_time: None,
            })],
        )]
    };
    store.append(0, &event()).unwrap();
    // Takes back the event above, which workers may have been given.
    let first = store.append(7, &event()).unwrap_err().to_string();
    assert!(first.contains("the next offset is 1, not 7"), "{first}");
    assert_eq!(store.append(0, &event()).unwrap_err().to_string(), first);
    let mut sink = store.clone();
    let flush = Flush { frontier: 5, tables: Vec::new() };
    assert_eq!(sink.write(&flush).unwrap_err().to_string(), first);
    assert_eq!(sink.finish().unwrap_err().to_string(), first);
}
