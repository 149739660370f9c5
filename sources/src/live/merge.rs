//! All connections together: each block once, its state, and the gaps.

use std::collections::BTreeMap;

use model::{Seconds, SlotState};

use super::bank::{Connection, Gathered, SEAL_WITHIN_SLOTS};
use super::chain::{Block, Chain, Fate, Walk};
use super::gaps::{Gap, GapCause, GapState, Gaps};
use super::{
    BlockMeta, BlockTag, ConnectionId, LiveCounts, Logged, LoggedBlock, News, SealedBlock, Update, Whole,
};
use crate::transaction::Transaction;

/// How many slots a parent link may pass over: an epoch. More is no chain.
const LINK_SLOTS_MAX: u64 = 432_000;

/// The greatest slot that outputs can carry.
const SLOT_MAX: u64 = u64::MAX >> 1;

/// How far below the last sealed block a connection asks for what was before it, slots.
const RESUME_MARGIN_SLOTS: u64 = 8;

/// Live feeds, merged into one.
pub struct Live {
    hold_bytes: usize,
    connections: BTreeMap<ConnectionId, Connection>,
    chain: Chain,
    gaps: Gaps,
    /// Slots of which something went missing that another connection may yet deliver.
    suspects: BTreeMap<u64, GapCause>,
    /// Why nothing is known since the last block, while nothing is.
    blind: Option<GapCause>,
    counts: LiveCounts,
}

impl Live {
    /// Goes on from what a log knows. Unsealed banks of all connections together take at most `hold_bytes`.
    #[must_use]
    pub fn new(hold_bytes: usize, logged: &Logged) -> Self {
        let mut chain = Chain::default();
        chain.closed = logged.closed;
        for known in &logged.blocks {
            let LoggedBlock { block, slot, parent, parent_slot, state, block_time } = *known;
            let signatures = None;
            chain.insert(
                block,
                Block { slot, parent, parent_slot, block_time, state, transactions: 0, signatures },
            );
        }
        let mut gaps = Gaps::default();
        for gap in logged.gaps.iter().filter(|gap| gap.state == GapState::Open) {
            gaps.open(gap.first_slot, gap.last_slot, gap.cause);
        }
        Self {
            hold_bytes,
            connections: BTreeMap::new(),
            chain,
            gaps,
            suspects: BTreeMap::new(),
            blind: Some(GapCause::Start),
            counts: LiveCounts::new(),
        }
    }

    /// A connection stands.
    pub fn open(&mut self, connection: ConnectionId, whole: Whole) {
        self.connections.insert(connection, Connection::new(whole));
    }

    /// A connection has ended: what it had not sealed is dropped.
    pub fn close(&mut self, connection: ConnectionId, cause: GapCause, news: &mut Vec<News>) {
        let Some(mut ended) = self.connections.remove(&connection) else { return };
        while let Some(slot) = ended.oldest() {
            if let Some(Gathered::Lost(..)) = ended.lose_oldest(cause) {
                self.suspect(slot, cause);
            }
        }
        if self.connections.is_empty() {
            self.blind.get_or_insert(cause);
        }
        self.settle(news);
    }

    /// Takes in what a connection delivered; an update of a connection that does not stand is left out.
    pub fn update(&mut self, connection: ConnectionId, update: Update, news: &mut Vec<News>) {
        // The first block after an outage says where the chain is; from then on it makes no leaps.
        let slot_max =
            if self.blind.is_none() { self.chain.newest.saturating_add(LINK_SLOTS_MAX) } else { SLOT_MAX };
        if let Some(reject) = malformed(&update, slot_max.min(SLOT_MAX)) {
            news.push(reject);
            return;
        }
        let mut gathered = Vec::new();
        let Some(from) = self.connections.get_mut(&connection) else { return };
        from.take(update, &mut gathered);
        while self.held_bytes() > self.hold_bytes {
            let fullest = self.connections.values_mut().filter(|c| c.held > 0).min_by_key(|c| c.oldest());
            let Some(fullest) = fullest else { break };
            gathered.extend(fullest.lose_oldest(GapCause::HoldFull));
        }
        if gathered.is_empty() {
            return;
        }
        for item in gathered {
            self.take(item, news);
        }
        self.settle(news);
    }

    /// Takes in a block that was fetched, with the state that its commitment says. A block that is not
    /// of the chain is counted and left out.
    pub fn fill(&mut self, block: SealedBlock, state: SlotState, news: &mut Vec<News>) {
        if let Some(reject) = malformed(&Update::Meta(block.meta), SLOT_MAX) {
            news.push(reject);
            return;
        }
        let tag = block.meta.block;
        self.deliver(block, news);
        self.raise(tag, state, news);
        self.settle(news);
    }

    /// Says of open gaps from `first` to `last` that nobody has them any more.
    pub fn give_up(&mut self, first: u64, last: u64, news: &mut Vec<News>) {
        for gap in self.gaps.settle(first, last, GapState::Unfillable) {
            self.chain.give_up(gap.first_slot, gap.last_slot);
            news.push(News::Gap(gap));
        }
        self.settle(news);
    }

    /// The greatest slot up to which nothing is missing or undecided.
    #[must_use]
    pub const fn closed_slot(&self) -> Option<u64> {
        self.chain.closed
    }

    /// What is missing.
    #[must_use]
    pub fn open_gaps(&self) -> Vec<Gap> {
        self.gaps.iter().collect()
    }

    /// From which slot on a connection should be asked to replay; none before the first block.
    #[must_use]
    pub fn resume_from(&self) -> Option<u64> {
        let sealed = self.chain.newest.saturating_sub(RESUME_MARGIN_SLOTS);
        self.chain.closed.map(|closed| {
            if self.chain.newest == 0 {
                closed.saturating_add(1)
            } else {
                sealed.min(closed.saturating_add(1))
            }
        })
    }

    /// Memory that unsealed banks take, about.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.connections.values().map(|connection| connection.held).sum()
    }

    /// What was counted so far.
    #[must_use]
    pub const fn counts(&self) -> &LiveCounts {
        &self.counts
    }

    fn take(&mut self, item: Gathered, news: &mut Vec<News>) {
        match item {
            Gathered::Whole(block) => self.deliver(block, news),
            Gathered::Partial(block) => {
                self.count("partial_blocks");
                if self.chain.blocks.contains_key(&block.meta.block) {
                    self.complete(block.meta.block, block.transactions, news);
                } else {
                    self.suspects.entry(block.meta.slot).or_insert(GapCause::PartialBlock);
                }
            }
            Gathered::Late(tag, tx) => {
                self.count(if self.chain.blocks.contains_key(&tag) { "after_meta" } else { "below_closed" });
                self.complete(tag, vec![tx], news);
            }
            Gathered::Lost(slot, cause) => self.suspect(slot, cause),
            Gathered::Block(tag, state) => self.raise(tag, state, news),
            Gathered::Slot(slot, state) => {
                if let Some(tag) = self.chain.resolve(slot, state) {
                    self.raise(tag, state, news);
                }
            }
        }
    }

    fn deliver(&mut self, block: SealedBlock, news: &mut Vec<News>) {
        let SealedBlock { meta, mut transactions } = block;
        if self.chain.is_closed(meta.slot) {
            self.count("below_closed");
            return;
        }
        if self.chain.blocks.contains_key(&meta.block) {
            if transactions.len() < self.passed_on(meta.block) {
                self.count("incomplete_blocks");
            }
            self.complete(meta.block, transactions, news);
            return;
        }
        let Some(block_time) = meta.block_time else {
            self.suspects.entry(meta.slot).or_insert(GapCause::NoMeta);
            return;
        };
        if matches!(self.chain.fate(meta.slot), Some(Fate::Empty | Fate::GivenUp))
            || matches!(self.chain.fate(meta.slot), Some(Fate::Final(tag)) if tag != meta.block)
        {
            self.count("off_chain_blocks");
            return;
        }
        transactions.sort_by_key(|tx| (tx.index, tx.signature));
        self.begin(&meta, block_time);
        self.complete(meta.block, transactions, news);
        news.extend(self.chain.blocks.get(&meta.block).map(|block| block.news(meta.block)));
        news.extend(self.gaps.settle(meta.slot, meta.slot, GapState::Filled).into_iter().map(News::Gap));
        self.link(&meta, news);
        if let Some((parent, state)) = self.chain.named_by(meta.block) {
            self.raise(parent, state, news);
        }
        if let Some(state) = self.chain.implied(meta.block) {
            self.raise(meta.block, state, news);
        }
    }

    fn begin(&mut self, meta: &BlockMeta, block_time: Seconds) {
        let BlockMeta { slot, block, parent_slot, parent, transactions, .. } = *meta;
        let (state, signatures) = (SlotState::Processed, Some(std::collections::BTreeSet::new()));
        self.chain
            .insert(block, Block { slot, parent, parent_slot, block_time, state, transactions, signatures });
    }

    /// Whether the block before this one is missing.
    fn link(&mut self, meta: &BlockMeta, news: &mut Vec<News>) {
        let blind = self.blind.take();
        if self.chain.closed.is_none() {
            // The first block of all: nothing before it was asked for.
            self.chain.closed = Some(meta.slot.saturating_sub(1));
        }
        if self.chain.is_closed(meta.parent_slot) || self.chain.blocks.contains_key(&meta.parent) {
            return;
        }
        match blind {
            Some(cause) => self.open_up_to(meta.parent_slot, cause, news),
            None => {
                self.suspects.entry(meta.parent_slot).or_insert(GapCause::Disconnect);
            }
        }
    }

    /// A slot's block is missing, and nothing is known of the slots between it and the last known one.
    fn open_up_to(&mut self, slot: u64, cause: GapCause, news: &mut Vec<News>) {
        let first = self.chain.known_below(slot).map_or(slot, |known| known + 1);
        news.extend(self.gaps.open(first, slot, cause).into_iter().map(News::Gap));
    }

    fn passed_on(&self, tag: BlockTag) -> usize {
        let block = self.chain.blocks.get(&tag);
        block.and_then(|block| block.signatures.as_ref()).map_or(0, std::collections::BTreeSet::len)
    }

    /// Passes on those transactions of a block that were not.
    #[expect(clippy::vec_box, reason = "a transaction goes from its update to the news without being copied")]
    fn complete(&mut self, tag: BlockTag, transactions: Vec<Box<Transaction>>, news: &mut Vec<News>) {
        let Some(block) = self.chain.blocks.get_mut(&tag) else { return };
        let Some(signatures) = &mut block.signatures else { return };
        for mut tx in transactions {
            if !signatures.insert(tx.signature) {
                continue;
            }
            if tx.index.is_none_or(|index| u64::from(index) >= block.transactions) {
                news.push(News::Reject {
                    cursor: format!("{}-{}", block.slot, tx.signature),
                    detail: format!("index {:?} in a block of {} transactions", tx.index, block.transactions),
                });
                continue;
            }
            (tx.slot, tx.block_time) = (Some(block.slot), Some(block.block_time));
            news.push(News::Transaction { block: tag, tx });
        }
    }

    fn raise(&mut self, tag: BlockTag, state: SlotState, news: &mut Vec<News>) {
        let Walk { decided, missing } = self.chain.raise(tag, state, news);
        for (first, last) in decided {
            news.extend(self.gaps.settle(first, last, GapState::Filled).into_iter().map(News::Gap));
        }
        if let Some(slot) = missing {
            let cause = self.suspects.remove(&slot).unwrap_or(GapCause::Disconnect);
            self.open_up_to(slot, cause, news);
        }
    }

    /// Notes why something of a slot went missing; that a child names it says no more than that it did.
    fn suspect(&mut self, slot: u64, cause: GapCause) {
        let known = self.suspects.entry(slot).or_insert(cause);
        if *known == GapCause::Disconnect {
            *known = cause;
        }
    }

    /// Makes gaps of what nobody delivered in time, and moves the closed slot.
    fn settle(&mut self, news: &mut Vec<News>) {
        let is_lone = self.connections.len() < 2;
        let patience = u64::try_from(SEAL_WITHIN_SLOTS).unwrap_or(u64::MAX);
        let ripe: Vec<(u64, GapCause)> = self.suspects.iter().map(|(slot, cause)| (*slot, *cause)).collect();
        for (slot, cause) in ripe {
            let is_known = self.chain.is_closed(slot)
                || self.chain.has_slot(slot)
                || matches!(self.chain.fate(slot), Some(Fate::Empty | Fate::GivenUp));
            let is_ripe = slot.saturating_add(patience) <= self.chain.newest
                || (is_lone && cause != GapCause::Disconnect && self.chain.closed.is_some());
            if is_known || is_ripe {
                self.suspects.remove(&slot);
            }
            if !is_known && is_ripe {
                self.open_up_to(slot, cause, news);
            }
        }
        let gaps = &self.gaps;
        self.chain.close(|slot| gaps.covers(slot));
    }

    fn count(&mut self, name: &'static str) {
        *self.counts.entry(name).or_default() += 1;
    }
}

/// What cannot be of a chain.
fn malformed(update: &Update, slot_max: u64) -> Option<News> {
    let reject = |cursor, detail: &str| Some(News::Reject { cursor, detail: detail.to_owned() });
    let (Update::Meta(BlockMeta { slot, .. })
    | Update::Created { slot, .. }
    | Update::Transaction { slot, .. }
    | Update::Status { slot, .. }) = update;
    if *slot > slot_max {
        return reject(slot.to_string(), "a slot that is far past the chain");
    }
    match update {
        Update::Meta(meta) if meta.block == 0 => reject(meta.slot.to_string(), "a block without a hash"),
        Update::Meta(meta) if meta.parent == meta.block => {
            reject(meta.slot.to_string(), "a block that is its own parent")
        }
        Update::Meta(meta)
            if meta.parent_slot >= meta.slot || meta.slot - meta.parent_slot > LINK_SLOTS_MAX =>
        {
            reject(
                meta.slot.to_string(),
                "a parent that is not before its block, or more than an epoch before",
            )
        }
        Update::Meta(_) | Update::Created { .. } | Update::Transaction { .. } | Update::Status { .. } => None,
    }
}
