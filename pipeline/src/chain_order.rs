//! Puts the events of a finite source into the order of the chain, in bounded memory.
//!
//! Recordings are shuffled, overlap, and hold a slot's transactions long after the next slot's. Fed as
//! they come, the event clock runs ahead and what follows is late, some of it too late. Sorted by slot
//! and canonical order, the same events always come in the same order, whatever the order of the files.
//! Block time never goes back from one slot to the next, so this is the order of event time too; slot
//! updates, which carry no block time in many feeds, find their place behind the events of their slot.
//! Quotes and control inputs bear a time and no slot: they are sorted apart, and each comes before the
//! first event whose block time is not before it was published, or known.
//!
//! It is an external merge sort: runs of sorted events in unnamed temporary files, which vanish with
//! the process however it ends, then a merge of all runs. Duplicates stay; the dataflow settles those.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::PathBuf;

use model::{Event, EventId, Seconds, SlotState};
use sources::{Counts, Source, SourceError, Step};

/// Events sorted in memory at once, about 150 MB.
const EVENTS_PER_RUN: usize = 250_000;
/// Runs merged at once: each is an open file.
const RUNS_MAX: usize = 256;
/// Reads of the inner source by one read that gathers: a reader that gets nothing may pause.
const READS_PER_READ: usize = 32;
/// Events handed over by a read.
const EVENTS_PER_READ: usize = 4_096;

/// A finite source, put in order.
pub(crate) struct ChainOrder {
    inner: Box<dyn Source>,
    folder: PathBuf,
    events_per_run: usize,
    runs_max: usize,
    /// What the last read of the inner source brought.
    read: Vec<Event>,
    chain: Sorter,
    quotes: Sorter,
    merge: Option<Interleaved>,
    total: u64,
    handed_over: u64,
}

impl ChainOrder {
    /// Sorts what `inner` yields; temporary files are made in `folder`.
    pub(crate) fn new(inner: Box<dyn Source>, folder: PathBuf) -> Self {
        Self {
            inner,
            folder,
            events_per_run: EVENTS_PER_RUN,
            runs_max: RUNS_MAX,
            read: Vec::new(),
            chain: Sorter::default(),
            quotes: Sorter::default(),
            merge: None,
            total: 0,
            handed_over: 0,
        }
    }

    /// Reads on from the source; starts the merge when that was all.
    fn gather(&mut self) -> Result<(), SourceError> {
        for _ in 0..READS_PER_READ {
            let step = self.inner.read(&mut self.read)?;
            self.total += count(self.read.len());
            for event in self.read.drain(..) {
                let is_timed = matches!(event, Event::Quote(_) | Event::Control(_));
                let sorter = if is_timed { &mut self.quotes } else { &mut self.chain };
                sorter.buffer.push(event);
            }
            if step == Step::End {
                return self.start_merge().map_err(|source| self.error(source));
            }
            if self.chain.buffer.len() + self.quotes.buffer.len() >= self.events_per_run {
                let spilt = self.chain.spill(&self.folder, self.runs_max);
                let spilt = spilt.and_then(|()| self.quotes.spill(&self.folder, self.runs_max));
                return spilt.map_err(|source| self.error(source));
            }
        }
        Ok(())
    }

    fn start_merge(&mut self) -> io::Result<()> {
        let (chain, quotes) = (std::mem::take(&mut self.chain), std::mem::take(&mut self.quotes));
        let (mut chain, mut quotes) = (chain.merge()?, quotes.merge()?);
        self.merge = Some(Interleaved {
            next: chain.next().transpose()?,
            next_quote: quotes.next().transpose()?,
            chain,
            quotes,
            clock: 0,
        });
        Ok(())
    }

    fn error(&self, source: io::Error) -> SourceError {
        SourceError::Io { path: format!("temporary file in {}", self.folder.display()), source }
    }
}

impl Source for ChainOrder {
    fn name(&self) -> &str {
        self.inner.name()
    }

    /// Yields nothing, with [`Step::More`], until the inner source has come to its end.
    fn read(&mut self, events: &mut Vec<Event>) -> Result<Step, SourceError> {
        let Some(merge) = &mut self.merge else {
            self.gather()?;
            return Ok(Step::More);
        };
        for _ in 0..EVENTS_PER_READ {
            match merge.next() {
                Some(Ok(event)) => events.push(event),
                Some(Err(error)) => return Err(self.error(error)),
                None => return Ok(Step::End),
            }
            self.handed_over += 1;
        }
        Ok(Step::More)
    }

    fn counts(&self) -> Counts {
        self.inner.counts()
    }

    /// Reading is one half, handing over the other.
    #[expect(clippy::cast_precision_loss, reason = "a ratio for people; 2^53 events would take years")]
    fn done_ratio(&self) -> Option<f64> {
        if self.merge.is_some() {
            let handed_over = if self.total == 0 { 1.0 } else { self.handed_over as f64 / self.total as f64 };
            Some(0.5 + 0.5 * handed_over)
        } else {
            self.inner.done_ratio().map(|ratio| 0.5 * ratio)
        }
    }
}

/// Sorts in bounded memory.
#[derive(Default)]
struct Sorter {
    buffer: Vec<Event>,
    runs: Vec<Run>,
}

impl Sorter {
    /// Puts what has gathered into a file.
    fn spill(&mut self, folder: &PathBuf, runs_max: usize) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.buffer.sort_unstable_by(order);
        self.runs.push(Run::write(folder, self.buffer.drain(..).map(Ok))?);
        if self.runs.len() >= runs_max {
            let merged = Merge::new(std::mem::take(&mut self.runs), Vec::new())?;
            self.runs.push(Run::write(folder, merged)?);
        }
        Ok(())
    }

    fn merge(mut self) -> io::Result<Merge> {
        self.buffer.sort_unstable_by(order);
        Merge::new(self.runs, self.buffer)
    }
}

/// The events of the chain, and the quotes among them by time.
struct Interleaved {
    chain: Merge,
    quotes: Merge,
    /// The next event of the chain, and the next quote.
    next: Option<Event>,
    next_quote: Option<Event>,
    clock: Seconds,
}

impl Iterator for Interleaved {
    type Item = io::Result<Event>;

    fn next(&mut self) -> Option<io::Result<Event>> {
        self.clock = self.clock.max(self.next.as_ref().and_then(Event::clock).unwrap_or(0));
        let is_due = |quote: &Event| {
            self.next.is_none() || matches!(place(quote), Place::Timed(time) if time <= self.clock)
        };
        let (from, slot) = if self.next_quote.as_ref().is_some_and(is_due) {
            (&mut self.quotes, &mut self.next_quote)
        } else {
            (&mut self.chain, &mut self.next)
        };
        let event = slot.take()?;
        match from.next().transpose() {
            Ok(next) => *slot = next,
            Err(error) => return Some(Err(error)),
        }
        Some(Ok(event))
    }
}

/// Where an event stands on the chain.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Place<'a> {
    /// Said by an oracle or by people, at this time; only ever compared with others of its kind.
    Timed(Seconds),
    /// In a slot: its events, then what became of it, then what could not be used of it.
    Slot(u64, InSlot<'a>),
    /// What could not be used and bears no slot.
    Nowhere,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum InSlot<'a> {
    Event(&'a EventId),
    Status(SlotState),
    Reject,
}

fn place(event: &Event) -> Place<'_> {
    match event {
        Event::Control(control) => Place::Timed(control.due()),
        Event::Quote(quote) => Place::Timed(quote.publish_time),
        Event::Chain(event) => Place::Slot(event.origin().id.slot, InSlot::Event(&event.origin().id)),
        Event::Slot(status) => Place::Slot(status.slot, InSlot::Status(status.state)),
        Event::Reject(reject) => reject.slot.map_or(Place::Nowhere, |slot| Place::Slot(slot, InSlot::Reject)),
        Event::Mark(_) => Place::Nowhere,
    }
}

/// The order of the chain; events at one place (copies of each other, mostly) in the order of their content.
fn order(a: &Event, b: &Event) -> Ordering {
    place(a).cmp(&place(b)).then_with(|| a.cmp(b))
}

/// Sorted events in a file.
struct Run {
    reader: BufReader<File>,
    left: u64,
}

impl Run {
    fn write(folder: &PathBuf, events: impl Iterator<Item = io::Result<Event>>) -> io::Result<Self> {
        let mut writer = BufWriter::new(tempfile::tempfile_in(folder)?);
        let mut left = 0;
        for event in events {
            let bytes = postcard::to_stdvec(&event?).map_err(io::Error::other)?;
            let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
            writer.write_all(&length.to_le_bytes())?;
            writer.write_all(&bytes)?;
            left += 1;
        }
        let mut file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        Ok(Self { reader: BufReader::new(file), left })
    }

    fn next(&mut self) -> io::Result<Option<Event>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let mut length = [0; 4];
        self.reader.read_exact(&mut length)?;
        let mut bytes = vec![0; usize::try_from(u32::from_le_bytes(length)).map_err(io::Error::other)?];
        self.reader.read_exact(&mut bytes)?;
        postcard::from_bytes(&bytes).map(Some).map_err(io::Error::other)
    }
}

/// The merge of all runs and of the sorted events that are still in memory.
struct Merge {
    runs: Vec<Run>,
    memory: std::vec::IntoIter<Event>,
    /// The first event of every run that has one, the least on top.
    heads: BinaryHeap<Reverse<Head>>,
}

impl Merge {
    fn new(runs: Vec<Run>, memory: Vec<Event>) -> io::Result<Self> {
        let mut merge = Self { runs, memory: memory.into_iter(), heads: BinaryHeap::new() };
        for run in 0..=merge.runs.len() {
            merge.refill(run)?;
        }
        Ok(merge)
    }

    /// Puts the next event of a run among the heads; the run behind the last one is the memory.
    fn refill(&mut self, run: usize) -> io::Result<()> {
        let next = match self.runs.get_mut(run) {
            Some(file) => file.next()?,
            None => self.memory.next(),
        };
        self.heads.extend(next.map(|event| Reverse(Head { event, run })));
        Ok(())
    }
}

impl Iterator for Merge {
    type Item = io::Result<Event>;

    fn next(&mut self) -> Option<io::Result<Event>> {
        let Reverse(Head { event, run }) = self.heads.pop()?;
        Some(self.refill(run).map(|()| event))
    }
}

#[derive(PartialEq, Eq)]
struct Head {
    event: Event,
    run: usize,
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        order(&self.event, &other.event).then(self.run.cmp(&other.run))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use model::{
        Address, ChainEvent, CurveCompleted, Origin, Price, PriceQuote, Program, Reject, RejectReason,
        Signature, SlotStatus, TxPlace,
    };

    use super::*;

    /// Yields its events a few at a time.
    struct List(std::vec::IntoIter<Event>);

    impl Source for List {
        fn name(&self) -> &'static str {
            "list"
        }
        fn read(&mut self, events: &mut Vec<Event>) -> Result<Step, SourceError> {
            events.extend(self.0.by_ref().take(3));
            Ok(if self.0.len() == 0 { Step::End } else { Step::More })
        }
        fn counts(&self) -> Counts {
            Counts::from([("seen".to_owned(), 1)])
        }
    }

    fn chain(slot: u64, tx: u32) -> Event {
        Event::Chain(ChainEvent::CurveCompleted(CurveCompleted {
            origin: Origin {
                id: EventId { slot, tx: TxPlace::Index(tx), outer_ix: 0, inner_ix: -1 },
                signature: Signature([7; 64]),
                block_time: 1_000 + slot,
                received_at: None,
            },
            program: Program::Pump,
            mint: None,
            pool: Address::ZERO,
            user: None,
        }))
    }

    fn status(slot: u64, state: SlotState) -> Event {
        Event::Slot(SlotStatus { slot, state, parent: None, block_time: None })
    }

    fn reject(slot: Option<u64>) -> Event {
        Event::Reject(Reject {
            source: "list".to_owned(),
            cursor: "a:1".to_owned(),
            reason: RejectReason::Malformed,
            program: None,
            signature: None,
            slot,
            detail: "broken".to_owned(),
        })
    }

    fn quote(publish_time: Seconds) -> Event {
        let (mint, usd, source) = (Address::WSOL, Price::new(1.5).unwrap(), "test".to_owned());
        Event::Quote(PriceQuote { mint, usd, publish_time, source })
    }

    /// All events in the order of the chain: 40 slots of 5 transactions, their states, some rejects, and
    /// quotes of before, within and after their time.
    fn sorted() -> Vec<Event> {
        let mut events = vec![quote(5), quote(6)];
        for slot in 0..40 {
            // Slots are a second each; every third has a quote.
            if slot % 3 == 0 {
                events.push(quote(1_000 + slot));
            }
            events.extend((0..5).map(|tx| chain(slot, tx)));
            events.push(status(slot, SlotState::Confirmed));
            events.push(status(slot, SlotState::Finalized));
            if slot % 10 == 0 {
                events.push(reject(Some(slot)));
            }
        }
        events.push(reject(None));
        events.extend([quote(1_040), quote(9_000)]);
        events
    }

    /// A shuffle that needs no dice: steps of a size that shares no factor with the length.
    fn shuffled(events: &[Event], step: usize) -> Vec<Event> {
        (0..events.len()).map(|i| events[i * step % events.len()].clone()).collect()
    }

    fn put_in_order(events: Vec<Event>, events_per_run: usize, runs_max: usize) -> Vec<Event> {
        let mut source = ChainOrder::new(Box::new(List(events.into_iter())), std::env::temp_dir());
        (source.events_per_run, source.runs_max) = (events_per_run, runs_max);
        let mut out = Vec::new();
        let mut ratio = 0.0;
        while source.read(&mut out).unwrap() == Step::More {
            if let Some(now) = source.done_ratio() {
                assert!(now >= ratio, "progress went back");
                ratio = now;
            }
        }
        assert_eq!(source.done_ratio(), Some(1.0));
        assert_eq!(source.counts()["seen"], 1);
        out
    }

    #[test]
    fn any_arrival_order_comes_out_in_the_order_of_the_chain() {
        let expected = sorted();
        assert_eq!(expected.len() % 2, 1, "so that the steps below share no factor with it");
        for step in [1, 2, 4, 16, 128] {
            assert_eq!(put_in_order(shuffled(&expected, step), 1_000, 256), expected, "in memory");
            assert_eq!(put_in_order(shuffled(&expected, step), 7, 256), expected, "in many files");
            assert_eq!(put_in_order(shuffled(&expected, step), 7, 4), expected, "merged on the way");
        }
    }

    #[test]
    fn duplicates_stay_side_by_side() {
        let mut events = sorted();
        events.extend(sorted());
        let out = put_in_order(events, 10, 5);
        let expected: Vec<_> = sorted().into_iter().flat_map(|event| [event.clone(), event]).collect();
        assert_eq!(out, expected);
    }

    #[test]
    fn nothing_in_nothing_out() {
        assert!(put_in_order(Vec::new(), 7, 4).is_empty());
    }
}
