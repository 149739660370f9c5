//! Reads the source, keeps the pace, mints time, and hands batches to the workers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dataflows::{Clock, Gate};
use model::{Event, Mark, Seconds, Time};
use operators::keyed::Ending;
use sources::Step;

use super::end::End;
use super::recovery::{Beside, Resume};
use super::workers::{Command, Workers};
use super::{Job, Summary, Trades};
use config::Speed;

/// Events handed over at once, at most: what a worker should be done with in a few milliseconds.
const BATCH_EVENTS_MAX: usize = 16_384;

/// Count of the quotes of a source that the oracle beside it replaces.
const PASSED_OVER: &str = "quote_passed_over";

/// How long to wait when there is nothing to do.
const IDLE: Duration = Duration::from_micros(500);

/// Feeds the workers until the source ends or the run is stopped.
pub(super) fn run(job: &mut Job, resume: &Resume, workers: &Workers, end: &End) -> anyhow::Result<Summary> {
    let mut ingress = Ingress {
        clock: resume.clock,
        offset: resume.offset,
        beside: resume.beside.clone(),
        passed_over: 0,
        gate: Gate::new(job.params.clock_jump_s),
        given: 0,
        has_caught_up: job.store.is_none(),
        read: Vec::new(),
        checkpoint_due: Instant::now() + Duration::from_secs(job.run.checkpoint_interval_s),
        pace: Paced::new(job.run.speed),
        end: end.clone(),
    };
    let outcome = ingress.read_all(job, workers, resume.reach);
    if outcome.is_err() {
        end.fail();
    }
    outcome.and(ingress.finish(job, workers))?;
    let second = ingress.clock.second();
    let mut counts = job.source.counts();
    let refused = ingress.gate.counts().iter();
    counts.extend(refused.map(|(name, count)| (format!("implausible_time.{name}"), *count)));
    if let Some(oracle) = &job.oracle {
        counts.extend(oracle.counts());
        counts.insert(PASSED_OVER.to_owned(), ingress.passed_over);
    }
    let implausible = ingress.gate.counts().get("trades").copied().unwrap_or(0);
    let trades = Trades { given: job.watch.trades() + implausible, implausible, ..Trades::default() };
    Ok(Summary { counts, event_time: (second > 0).then_some(second), trades, ..Summary::default() })
}

struct Ingress {
    clock: Clock,
    /// Offset in the log of the next event.
    offset: u64,
    /// What of the events before it did not come from the source.
    beside: Beside,
    /// Quotes of the source that the oracle replaces.
    passed_over: u64,
    /// Which block times can be.
    gate: Gate,
    /// Events of the source that came to the gate.
    given: u64,
    /// True once all of the log has been handed over.
    has_caught_up: bool,
    /// Events read and not yet handed over; the next one first.
    read: Vec<Event>,
    checkpoint_due: Instant,
    pace: Paced,
    end: End,
}

impl Ingress {
    /// Goes on where the run before ended, until the source ends or the run is stopped; what is new comes after `reach`.
    fn read_all(&mut self, job: &mut Job, workers: &Workers, reach: Time) -> anyhow::Result<()> {
        self.replay_log(job, workers)?;
        // A run that was idle, or being stopped, when it was killed had closed more than the log tells.
        self.clock.catch_up(reach.saturating_sub(1));
        self.skip_logged(job)?;
        self.follow(job, workers)
    }

    /// Hands over what the log holds from the checkpoint on, with the times it had.
    fn replay_log(&mut self, job: &Job, workers: &Workers) -> anyhow::Result<()> {
        let Some(store) = &job.store else { return Ok(()) };
        let mut batches: Vec<(Time, Vec<Event>)> = Vec::new();
        let mut next = self.offset;
        while !self.end.has_come() {
            let logged = store.read_log(next, BATCH_EVENTS_MAX)?;
            let is_end = logged.len() < BATCH_EVENTS_MAX;
            next += logged.len() as u64;
            for (time, event) in logged {
                match batches.last_mut() {
                    Some((last, batch)) if *last == time => batch.push(event),
                    _ => batches.push((time, vec![event])),
                }
            }
            // A time is closed once it is handed over, so a batch that may go on in the next read waits.
            let unfinished = if is_end { None } else { batches.pop() };
            if let Some((last, _)) = batches.last() {
                for event in batches.iter().flat_map(|(_, events)| events) {
                    self.beside.hear(job, event);
                    self.clock.hear(event);
                }
                // The time after an ending undoes it.
                let is_ended = batches.last().is_some_and(|(_, events)| events.contains(&Mark::ENDED));
                self.clock = Clock::resume(self.clock.second(), *last + Time::from(is_ended));
                self.offset = next - unfinished.as_ref().map_or(0, |(_, events)| events.len() as u64);
                self.hand_over(job, workers, std::mem::take(&mut batches));
            }
            if is_end {
                self.has_caught_up = true;
                break;
            }
            batches.extend(unfinished);
        }
        Ok(())
    }

    /// Passes over what the source delivered in earlier runs: that is in the log.
    fn skip_logged(&mut self, job: &mut Job) -> anyhow::Result<()> {
        let mut left = self.offset - self.beside.events;
        while left > 0 && !self.end.has_come() {
            let step = self.read_source(job)?;
            let passed = self.read.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            self.read.drain(..passed);
            left -= passed as u64;
            if step == Step::End {
                break;
            }
        }
        Ok(())
    }

    /// Reads on; where there is an oracle, quotes of the source are left out.
    fn read_source(&mut self, job: &mut Job) -> anyhow::Result<Step> {
        let mut read = Vec::new();
        let step = job.source.read(&mut read)?;
        if job.oracle.is_some() {
            let all = read.len();
            read.retain(|event| !matches!(event, Event::Quote(_)));
            self.passed_over += (all - read.len()) as u64;
        }
        self.let_in(read);
        if step == Step::End && self.gate.is_waiting() {
            // Noted before what comes of it, for a later run may find more in the source.
            self.read.push(Event::Mark(Mark::SourceEnded(self.given)));
            self.gate.end(&mut self.read);
        }
        Ok(step)
    }

    /// Has what the source gave pass the gate, which ends where it did in earlier runs.
    fn let_in(&mut self, mut events: Vec<Event>) {
        for end in self.beside.ends_within(self.given, events.len() as u64) {
            let rest = events.split_off(usize::try_from(end - self.given).unwrap_or(usize::MAX));
            self.gate.pass(std::mem::replace(&mut events, rest), &mut self.read);
            self.gate.end(&mut self.read);
            self.given = end;
        }
        self.given += events.len() as u64;
        self.gate.pass(events, &mut self.read);
    }

    /// Takes in what the oracle and people have said. It does not wait behind events that are not yet due.
    fn hear_beside(&mut self, job: &mut Job) -> anyhow::Result<()> {
        let mut heard = Vec::new();
        // What is said before the first event was always known.
        let now = (self.clock.second() > 0).then(|| self.clock.last() + 1);
        for followed in &mut job.controls {
            followed.hear(&self.beside.said, now, &mut heard);
        }
        if let Some(oracle) = &mut job.oracle {
            oracle.read(&mut heard)?;
        }
        self.read.splice(0..0, heard);
        Ok(())
    }

    fn follow(&mut self, job: &mut Job, workers: &Workers) -> anyhow::Result<()> {
        let mut step = Step::More;
        while !self.end.has_come() {
            if step == Step::More && self.read.len() < BATCH_EVENTS_MAX {
                step = self.read_source(job)?;
                job.watch.set_done_ratio(job.source.done_ratio());
            }
            if self.read.is_empty() && step == Step::End {
                break;
            }
            self.hear_beside(job)?;
            let is_urgent = self.read.len() >= BATCH_EVENTS_MAX || step == Step::End;
            let due = self.pace.due(&self.read);
            if due == 0 {
                if !workers.are_busy() && self.clock.idle() {
                    self.hand_over(job, workers, Vec::new());
                } else {
                    self.pace.wait(&self.read);
                }
                continue;
            }
            // While the workers are busy there is time to read on, and the batch grows.
            if workers.are_busy() && !is_urgent && due == self.read.len() {
                continue;
            }
            self.take(job, workers, due)?;
        }
        Ok(())
    }

    /// Hands over the first `count` events that were read.
    fn take(&mut self, job: &Job, workers: &Workers, count: usize) -> anyhow::Result<()> {
        self.read.iter().take(count).for_each(|event| self.beside.hear(job, event));
        let batches = self.clock.cut(self.read.drain(..count));
        if let Some(store) = &job.store {
            store.append(self.offset, &batches)?;
        }
        self.offset += count as u64;
        self.hand_over(job, workers, batches);
        if job.store.is_some() && Instant::now() >= self.checkpoint_due {
            self.checkpoint(job, workers);
        }
        Ok(())
    }

    fn hand_over(&self, job: &Job, workers: &Workers, mut batches: Vec<(Time, Vec<Event>)>) {
        let is_ending = |(_, events): &(Time, Vec<Event>)| events.contains(&Mark::ENDED);
        let endings = batches.extract_if(.., |batch| is_ending(batch)).map(|(at, _)| at);
        let endings: Vec<Ending> = endings.map(|at| Ending { at, is_undone: true }).collect();
        job.watch.took_in(&batches, self.clock.second());
        workers.feed(batches, &endings, self.clock.last() + 1);
    }

    /// Has the states written down as they are after everything handed over so far.
    fn checkpoint(&mut self, job: &Job, workers: &Workers) {
        self.checkpoint_due = Instant::now() + Duration::from_secs(job.run.checkpoint_interval_s);
        let (time, offset) = (self.clock.last() + 1, self.offset);
        let beside = Arc::new(self.beside.clone());
        workers.send_all(|| Command::Checkpoint { time, offset, beside: Arc::clone(&beside) });
    }

    /// Lets the last second be over, and has all that lags published. The checkpoint is of before that, as a run that
    /// goes on does so as if nothing had ended.
    fn finish(&mut self, job: &Job, workers: &Workers) -> anyhow::Result<()> {
        self.clock.pause();
        self.hand_over(job, workers, Vec::new());
        if job.store.is_some() {
            self.checkpoint(job, workers);
        }
        // A run that is stopped while it catches up has nothing to say of an end.
        let is_over = self.has_caught_up && !self.end.has_failed();
        let ended = if is_over { self.end_input(job, workers) } else { Ok(()) };
        workers.send_all(|| Command::Finish);
        ended
    }

    fn end_input(&mut self, job: &Job, workers: &Workers) -> anyhow::Result<()> {
        let at = self.clock.mint();
        if let Some(store) = &job.store {
            store.append(self.offset, &[(at, vec![Mark::ENDED])])?;
        }
        workers.feed(Vec::new(), &[Ending { at, is_undone: false }], at + 1);
        Ok(())
    }
}

impl Beside {
    /// Takes in an event, which may be the source's.
    fn hear(&mut self, job: &Job, event: &Event) {
        self.said.hear(event);
        if let Event::Mark(Mark::SourceEnded(given)) = event {
            self.ends.push(*given);
        }
        let is_beside = match event {
            Event::Control(_) | Event::Mark(_) => true,
            Event::Quote(_) => job.oracle.is_some(),
            Event::Reject(reject) => {
                let names = job.oracle.iter().map(|oracle| oracle.name());
                names.chain([sources::lists::NAME, crate::rules::NAME]).any(|name| name == reject.source)
            }
            Event::Chain(_) | Event::Slot(_) => false,
        };
        self.events += u64::from(is_beside);
    }

    /// Where the source ended in earlier runs, among `count` events after the first `given`.
    fn ends_within(&self, given: u64, count: u64) -> Vec<u64> {
        self.ends.iter().copied().filter(|end| (given..=given + count).contains(end)).collect()
    }
}

/// Holds events back until the wall clock has come as far as their event time.
struct Paced {
    speed: Speed,
    /// When the first event was due, and its event time.
    start: Option<(Instant, Seconds)>,
}

impl Paced {
    fn new(speed: Speed) -> Self {
        Self { speed, start: None }
    }

    /// How many of the leading events are due.
    fn due(&mut self, events: &[Event]) -> usize {
        let Speed::Times(times) = self.speed else { return events.len() };
        let Some(first) = events.iter().find_map(Event::clock) else { return events.len() };
        let (since, from) = *self.start.get_or_insert((Instant::now(), first));
        let passed = since.elapsed().as_secs_f64() * times;
        let is_due = |event: &Event| {
            let ahead = event.clock().unwrap_or(0).saturating_sub(from);
            Duration::from_secs(ahead).as_secs_f64() <= passed
        };
        events.iter().take_while(|event| is_due(event)).count()
    }

    fn wait(&self, events: &[Event]) {
        // Short enough for a stop to be noticed at once.
        let pause = if events.is_empty() { IDLE } else { Duration::from_millis(5) };
        std::thread::sleep(pause);
    }
}
