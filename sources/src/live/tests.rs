//! Scripted updates against the core; named after the requirements of live sources.

use std::collections::{BTreeMap, BTreeSet};

use model::{Signature, SlotState};
use proptest::prelude::*;

use super::{
    BlockMeta, BlockTag, ConnectionId, Gap, GapCause, GapState, Live, Logged, News, SealedBlock, Update,
    Whole,
};
use crate::transaction::Transaction;

const MIB: usize = 1 << 20;
const TXS: u8 = 3;

fn tag(slot: u64) -> BlockTag {
    slot + 1_000_000
}

fn tx(slot: u64, index: u8) -> Box<Transaction> {
    let mut bytes = [index; 64];
    bytes[..8].copy_from_slice(&slot.to_be_bytes());
    let mut tx = Transaction::new(Signature(bytes));
    (tx.slot, tx.index) = (Some(slot), Some(u32::from(index)));
    Box::new(tx)
}

fn meta(slot: u64, bank: u64, block: BlockTag, parent_slot: u64) -> BlockMeta {
    let parent = tag(parent_slot);
    let block_time = Some(1_700_000_000 + slot);
    BlockMeta { slot, bank, block, parent_slot, parent, block_time, transactions: 100 }
}

fn transaction(slot: u64, bank: u64, index: u8) -> Update {
    Update::Transaction { slot, bank, tx: tx(slot, index), bytes: 100 }
}

fn status(slot: u64, bank: u64, state: SlotState) -> Update {
    Update::Status { slot, bank, state }
}

/// All of one block, as a good server sends it.
fn block(slot: u64, parent: u64) -> Vec<Update> {
    let mut updates = vec![Update::Created { slot, bank: slot }];
    updates.extend((0..TXS).rev().map(|index| transaction(slot, slot, index)));
    updates.push(Update::Meta(meta(slot, slot, tag(slot), parent)));
    updates
}

fn fetched(slot: u64, block: BlockTag, parent: u64) -> SealedBlock {
    SealedBlock { meta: meta(slot, 0, block, parent), transactions: (0..TXS).map(|i| tx(slot, i)).collect() }
}

struct Scene {
    live: Live,
    news: Vec<News>,
}

impl Scene {
    fn new() -> Self {
        Self::after(&Logged::default())
    }

    fn after(logged: &Logged) -> Self {
        let mut live = Live::new(MIB, logged);
        live.open(1, Whole::Created);
        Self { live, news: Vec::new() }
    }

    fn send(&mut self, connection: ConnectionId, updates: impl IntoIterator<Item = Update>) {
        for update in updates {
            self.live.update(connection, update, &mut self.news);
        }
    }

    fn blocks(&mut self, connection: ConnectionId, slots: std::ops::RangeInclusive<u64>) {
        slots.for_each(|slot| self.send(connection, block(slot, slot - 1)));
    }

    fn finalize(&mut self, slot: u64) {
        self.send(1, [status(slot, slot, SlotState::Finalized)]);
    }

    fn fill(&mut self, block: SealedBlock) {
        self.live.fill(block, SlotState::Confirmed, &mut self.news);
    }

    fn states(&self) -> BTreeMap<BlockTag, SlotState> {
        let mut states = BTreeMap::new();
        for news in &self.news {
            if let News::Slot { block, state, .. } = news {
                let before = states.insert(*block, *state);
                assert!(before < Some(*state), "{block}: {before:?} then {state:?}");
            }
        }
        states
    }

    /// The transactions of blocks that are not dead, by slot and index; none twice.
    fn standing(&self) -> BTreeSet<(u64, u32)> {
        let states = self.states();
        let mut seen = BTreeSet::new();
        let mut standing = BTreeSet::new();
        for news in &self.news {
            if let News::Transaction { block, tx } = news {
                assert!(seen.insert((*block, tx.signature)), "delivered twice");
                assert_eq!(tx.block_time, tx.slot.map(|slot| 1_700_000_000 + slot));
                if states.get(block) != Some(&SlotState::Dead) {
                    standing.insert((tx.slot.unwrap(), tx.index.unwrap()));
                }
            }
        }
        standing
    }

    fn gaps(&self) -> Vec<Gap> {
        self.live.open_gaps()
    }
}

fn whole(slots: impl IntoIterator<Item = u64>) -> BTreeSet<(u64, u32)> {
    slots.into_iter().flat_map(|slot| (0..u32::from(TXS)).map(move |index| (slot, index))).collect()
}

fn open_gap(first_slot: u64, last_slot: u64, cause: GapCause) -> Gap {
    Gap { first_slot, last_slot, state: GapState::Open, cause }
}

#[test]
fn a_block_leaves_in_index_order_with_its_time_and_its_state_last() {
    let mut scene = Scene::new();
    scene.blocks(1, 10..=10);
    let indexes = scene.news.iter().map(|news| match news {
        News::Transaction { tx, .. } => tx.index,
        _ => None,
    });
    assert_eq!(indexes.collect::<Vec<_>>(), [Some(0), Some(1), Some(2), None]);
    assert_eq!(scene.states(), BTreeMap::from([(tag(10), SlotState::Processed)]));
}

#[test]
fn r08_a_meta_may_come_before_between_or_after_its_transactions() {
    for at in 0..=usize::from(TXS) {
        let mut scene = Scene::new();
        for slot in 10..=12 {
            let mut updates = block(slot, slot - 1);
            let meta = updates.pop().unwrap();
            updates.insert(1 + at, meta);
            scene.send(1, updates);
        }
        assert_eq!(scene.standing(), whole(10..=12), "meta at {at}");
        assert_eq!(scene.gaps(), []);
    }
}

#[test]
fn r08_a_block_without_a_meta_is_a_gap_until_it_is_fetched() {
    let mut scene = Scene::new();
    scene.blocks(1, 10..=10);
    let mut updates = block(11, 10);
    updates.pop();
    scene.send(1, updates);
    scene.blocks(1, 12..=42);
    assert_eq!(scene.gaps(), []);
    scene.blocks(1, 43..=44);
    assert_eq!(scene.gaps(), [open_gap(11, 11, GapCause::NoMeta)]);
    assert!(scene.standing().iter().all(|(slot, _)| *slot != 11));
    scene.fill(fetched(11, tag(11), 10));
    assert_eq!(scene.gaps(), []);
    assert_eq!(scene.standing(), whole(10..=44));
}

#[test]
fn r09_the_first_bank_of_a_connection_is_not_taken_as_whole() {
    let logged = Logged { closed: Some(9), ..Logged::default() };
    let mut scene = Scene::after(&logged);
    // What came before the connection stood is missing, and its meta comes all the same.
    let first = Update::Meta(meta(10, 10, tag(10), 9));
    scene.send(1, [transaction(10, 10, 2), first]);
    assert_eq!(scene.standing(), BTreeSet::new());
    scene.blocks(1, 11..=12);
    assert_eq!(scene.gaps(), [open_gap(10, 10, GapCause::PartialBlock)]);
    assert_eq!(scene.live.counts()["partial_blocks"], 1);
    scene.fill(fetched(10, tag(10), 9));
    assert_eq!(scene.standing(), whole(10..=12));
}

#[test]
fn r09_another_connection_has_what_a_first_bank_lacks() {
    let mut scene = Scene::new();
    scene.blocks(1, 9..=9);
    scene.live.open(2, Whole::Created);
    scene.send(2, [transaction(10, 7, 2), Update::Meta(meta(10, 7, tag(10), 9))]);
    scene.send(2, [Update::Created { slot: 11, bank: 8 }]);
    scene.blocks(1, 10..=12);
    assert_eq!(scene.standing(), whole(9..=12));
    assert!(scene.news.iter().all(|news| !matches!(news, News::Gap(_))));
}

#[test]
fn r09_replayed_blocks_are_whole_up_to_four_slots_below_the_first_bank() {
    let logged = Logged { closed: Some(9), ..Logged::default() };
    let mut scene = Scene::after(&logged);
    for slot in 10..=19 {
        scene.send(1, block(slot, slot - 1).into_iter().skip(1));
    }
    assert_eq!(scene.news, [], "not before a bank was created");
    scene.blocks(1, 20..=20);
    assert_eq!(scene.standing(), whole((10..=15).chain(20..=20)));
    // Each was found by itself.
    assert_eq!(scene.gaps(), [16, 17, 18, 19].map(|slot| open_gap(slot, slot, GapCause::PartialBlock)));
}

/// The slot again with another hash, other order, and one transaction less.
fn second_block(slot: u64, bank: u64, parent: u64) -> Vec<Update> {
    let meta = Update::Meta(meta(slot, bank, tag(slot) + 500, parent));
    vec![Update::Created { slot, bank }, transaction(slot, bank, 0), transaction(slot, bank, 1), meta]
}

#[test]
fn r10_of_two_blocks_of_a_slot_the_confirmed_one_stands() {
    for confirmed in [11, 77] {
        let mut scene = Scene::new();
        scene.blocks(1, 10..=11);
        scene.send(1, second_block(11, 77, 10));
        scene.send(1, [status(11, confirmed, SlotState::Confirmed)]);
        let expected = if confirmed == 11 { whole(10..=11) } else { &whole(10..=11) - &[(11, 2)].into() };
        assert_eq!(scene.standing(), expected);
    }
}

#[test]
fn r10_without_names_of_banks_a_child_says_which_block_a_state_is_of() {
    let mut scene = Scene::new();
    let nameless = |updates: Vec<Update>| {
        updates.into_iter().map(|update| match update {
            Update::Created { slot, .. } => Update::Created { slot, bank: 0 },
            Update::Transaction { slot, tx, bytes, .. } => Update::Transaction { slot, bank: 0, tx, bytes },
            Update::Meta(meta) => Update::Meta(BlockMeta { bank: 0, ..meta }),
            Update::Status { slot, state, .. } => Update::Status { slot, bank: 0, state },
        })
    };
    scene.live.open(2, Whole::Created);
    scene.send(1, nameless(block(10, 9)));
    scene.send(1, nameless(block(11, 10)));
    scene.send(2, nameless(second_block(11, 3, 10)));
    scene.send(1, [status(11, 0, SlotState::Confirmed)]);
    assert!(!scene.states().values().any(|state| *state == SlotState::Dead));
    scene.send(1, nameless(block(12, 11)));
    assert_eq!(scene.states()[&tag(11)], SlotState::Confirmed);
    assert_eq!(scene.states()[&(tag(11) + 500)], SlotState::Dead);
    assert_eq!(scene.standing(), whole(10..=12));
}

#[test]
fn r10_names_of_banks_of_two_servers_may_clash() {
    let mut scene = Scene::new();
    scene.live.open(2, Whole::Created);
    scene.blocks(1, 10..=11);
    scene.send(2, second_block(11, 11, 10));
    scene.send(2, [status(11, 11, SlotState::Confirmed)]);
    assert_eq!(scene.states()[&tag(11)], SlotState::Dead);
    assert_eq!(scene.standing(), &whole(10..=11) - &[(11, 2)].into());
}

#[test]
fn r11_a_fork_that_was_left_dies_by_parent_links() {
    let mut scene = Scene::new();
    scene.blocks(1, 10..=12);
    scene.send(1, block(13, 10)); // passes over 11 and 12
    scene.blocks(1, 14..=14);
    scene.send(1, [status(14, 14, SlotState::Confirmed)]);
    assert_eq!(scene.standing(), whole(10..=14), "confirmed is not final");
    scene.finalize(14);
    assert_eq!(scene.standing(), whole([10, 13, 14]));
    assert_eq!(scene.live.closed_slot(), Some(14));
}

#[test]
fn r12_a_dead_slot_is_taken_back_unless_it_is_final_elsewhere() {
    let mut scene = Scene::new();
    scene.live.open(2, Whole::Created);
    scene.blocks(1, 10..=11);
    scene.blocks(2, 10..=11);
    scene.send(1, [status(11, 11, SlotState::Dead)]);
    assert_eq!(scene.standing(), whole([10]));
    scene.send(2, [status(11, 11, SlotState::Finalized)]);
    assert_eq!(scene.standing(), whole(10..=11));
    scene.send(1, [status(11, 11, SlotState::Dead)]);
    assert_eq!(scene.states()[&tag(11)], SlotState::Finalized);
}

#[test]
fn r13_states_may_be_missing_repeated_or_come_before_their_block() {
    let mut scene = Scene::new();
    scene.blocks(1, 10..=10);
    scene.send(1, [status(12, 12, SlotState::Finalized), status(12, 12, SlotState::Confirmed)]);
    scene.blocks(1, 11..=12);
    scene.send(1, [status(12, 12, SlotState::Confirmed), status(12, 12, SlotState::Finalized)]);
    assert!((10..=12).all(|slot| scene.states()[&tag(slot)] == SlotState::Finalized));
    assert_eq!(scene.live.closed_slot(), Some(12));
}

#[test]
fn r14_what_passes_between_the_closed_slot_and_the_first_whole_block_is_a_gap() {
    let logged = Logged { closed: Some(10), ..Logged::default() };
    let mut scene = Scene::after(&logged);
    scene.blocks(1, 41..=42);
    assert_eq!(scene.gaps(), [open_gap(11, 40, GapCause::Start)]);
    (11..=40).rev().for_each(|slot| scene.fill(fetched(slot, tag(slot), slot - 1)));
    assert_eq!(scene.gaps(), []);
    assert_eq!(scene.standing(), whole(11..=42));
}

#[test]
fn r15_the_closed_slot_does_not_pass_a_gap_and_a_restart_goes_on_there() {
    let mut scene = Scene::new();
    scene.blocks(1, 10..=12);
    scene.finalize(12);
    scene.live.close(1, GapCause::Disconnect, &mut scene.news);
    scene.live.open(1, Whole::Created);
    scene.blocks(1, 20..=22);
    scene.finalize(22);
    assert_eq!(scene.live.closed_slot(), Some(12));
    assert_eq!(scene.live.resume_from(), Some(13));
    assert_eq!(scene.gaps(), [open_gap(13, 19, GapCause::Disconnect)]);
    scene.fill(fetched(19, tag(19), 18));

    let logged = Logged { closed: scene.live.closed_slot(), gaps: scene.gaps(), blocks: Vec::new() };
    assert_eq!(logged.gaps, [open_gap(13, 18, GapCause::Disconnect)]);
    let mut again = Scene::after(&logged);
    again.blocks(1, 19..=23);
    again.finalize(23);
    assert_eq!(again.live.closed_slot(), Some(12));
    (13..=17).for_each(|slot| again.fill(fetched(slot, tag(slot), slot - 1)));
    assert_eq!(again.gaps(), [open_gap(18, 18, GapCause::Disconnect)]);
    again.fill(fetched(18, tag(18), 17));
    assert_eq!(again.live.closed_slot(), Some(23));
    assert_eq!(again.standing(), whole(13..=23));
}

#[test]
fn r16_news_of_slots_without_their_blocks_moves_nothing() {
    let mut scene = Scene::new();
    scene.blocks(1, 10..=12);
    scene.finalize(12);
    for slot in 13..1_013 {
        scene.send(1, [status(slot, 0, SlotState::Finalized)]);
    }
    assert_eq!((scene.live.closed_slot(), scene.live.resume_from()), (Some(12), Some(4)));
}

#[test]
fn r21_a_slot_is_empty_only_by_a_final_parent_link() {
    let logged = Logged { closed: Some(10), ..Logged::default() };
    let mut scene = Scene::after(&logged);
    scene.blocks(1, 15..=15);
    assert_eq!(scene.gaps(), [open_gap(11, 14, GapCause::Start)]);
    scene.finalize(15);
    assert_eq!(scene.live.closed_slot(), Some(10));
    scene.fill(fetched(14, tag(14), 11)); // 12 and 13 are empty
    assert_eq!(scene.gaps(), [open_gap(11, 11, GapCause::Start)]);
    scene.fill(fetched(11, tag(11), 10));
    assert_eq!(scene.live.closed_slot(), Some(15));
    assert_eq!(scene.standing(), whole([11, 14, 15]));
}

#[test]
fn r25_a_fetched_block_that_the_chain_does_not_link_to_is_left_out() {
    let logged = Logged { closed: Some(10), ..Logged::default() };
    let mut scene = Scene::after(&logged);
    scene.blocks(1, 12..=12);
    scene.finalize(12);
    scene.fill(fetched(11, tag(11) + 500, 10));
    assert_eq!(scene.gaps(), [open_gap(11, 11, GapCause::Start)]);
    assert_eq!(scene.live.counts()["off_chain_blocks"], 1);
    scene.fill(fetched(11, tag(11), 10));
    assert_eq!(scene.live.closed_slot(), Some(12));
}

#[test]
fn r24_a_gap_that_is_given_up_lets_the_closed_slot_pass() {
    let logged = Logged { closed: Some(10), ..Logged::default() };
    let mut scene = Scene::after(&logged);
    scene.blocks(1, 15..=15);
    scene.live.give_up(11, 14, &mut scene.news);
    scene.finalize(15);
    assert_eq!(scene.live.closed_slot(), Some(15));
    let gone = Gap { state: GapState::Unfillable, ..open_gap(11, 14, GapCause::Start) };
    assert!(scene.news.contains(&News::Gap(gone)));
}

#[test]
fn r28_a_block_without_transactions_tells_the_time() {
    let mut scene = Scene::new();
    scene.send(1, [Update::Created { slot: 10, bank: 1 }, Update::Meta(meta(10, 1, tag(10), 9))]);
    let [News::Slot { block_time, .. }] = scene.news[..] else { panic!("{:?}", scene.news) };
    assert_eq!(block_time, 1_700_000_010);
}

#[test]
fn what_is_held_is_bounded_and_the_oldest_bank_is_a_gap() {
    let mut scene = Scene::new();
    scene.blocks(1, 10..=10);
    let large = |slot| Update::Transaction { slot, bank: slot, tx: tx(slot, 0), bytes: MIB / 2 + 1 };
    scene.send(1, [large(11), large(12)]);
    assert!(scene.live.held_bytes() <= MIB);
    assert_eq!(scene.gaps(), [open_gap(11, 11, GapCause::HoldFull)]);
}

/// One connection's stream: each slot's updates in an order of their own, some twice.
fn stream() -> impl Strategy<Value = Vec<Vec<(Update, bool)>>> {
    let slot = |slot: u64| {
        let updates = block(slot, slot - 1);
        let (created, rest) = (updates[0].clone(), updates[1..].to_vec());
        let doubled = proptest::collection::vec(any::<bool>(), rest.len());
        (Just(rest).prop_shuffle(), doubled).prop_map(move |(rest, doubled)| {
            let rest = rest.into_iter().zip(doubled);
            [(created.clone(), false)].into_iter().chain(rest).collect()
        })
    };
    (10..30).map(slot).collect::<Vec<_>>()
}

proptest! {
    #[test]
    fn r06_r07_streams_of_three_servers_give_each_block_once(
        streams in proptest::collection::vec(stream(), 3),
        turns in proptest::collection::vec(0..3_usize, 300),
        dies in 0..3_usize,
    ) {
        let mut scene = Scene::new();
        scene.live.open(2, Whole::Created);
        scene.live.open(3, Whole::Created);
        let mut streams: Vec<_> =
            streams.into_iter().map(|slots| slots.into_iter().flatten().collect::<Vec<_>>().into_iter()).collect();
        // One of them dies in the middle; the others go on to their ends.
        for turn in turns {
            if let Some((update, twice)) = streams[turn].next() {
                scene.send(turn as u64 + 1, std::iter::repeat_n(update, 1 + usize::from(twice)));
            }
        }
        scene.live.close(dies as u64 + 1, GapCause::Disconnect, &mut scene.news);
        for (at, stream) in streams.into_iter().enumerate().filter(|(at, _)| *at != dies) {
            stream.for_each(|(update, _)| scene.send(at as u64 + 1, [update]));
        }
        prop_assert_eq!(scene.standing(), whole(10..30));
        prop_assert_eq!(scene.states().len(), 20);
        prop_assert_eq!(scene.gaps(), []);
    }

    #[test]
    fn r19_garbage_is_refused_by_name_and_never_a_panic(
        updates in proptest::collection::vec(garbage(), 0..200)
    ) {
        let mut scene = Scene::new();
        scene.live.open(2, Whole::AfterFirst);
        for (connection, update) in updates {
            scene.send(connection, [update]);
            prop_assert!(scene.live.held_bytes() <= MIB);
        }
        scene.live.close(1, GapCause::Disconnect, &mut scene.news);
        scene.live.close(2, GapCause::Disconnect, &mut scene.news);
        prop_assert_eq!(scene.live.held_bytes(), 0);
    }
}

fn garbage() -> impl Strategy<Value = (ConnectionId, Update)> {
    let slot = || prop_oneof![20 => 0..12_u64, 1 => Just(u64::MAX), 1 => Just(u64::MAX >> 1)];
    let bank = 0..3_u64;
    let states = [SlotState::Processed, SlotState::Confirmed, SlotState::Dead, SlotState::Finalized];
    let state = proptest::sample::select(states.to_vec());
    let parts = (slot(), bank, 0..6_u64, slot(), 0..6_u64, any::<u8>(), state, 0..4_u8);
    let update = parts.prop_map(|(slot, bank, block, parent_slot, parent, index, state, kind)| match kind {
        0 => Update::Created { slot, bank },
        1 => Update::Transaction { slot, bank, tx: tx(slot, index), bytes: MIB / 8 },
        2 => {
            let block_time = (index > 20).then_some(u64::from(index));
            Update::Meta(BlockMeta { slot, bank, block, parent_slot, parent, block_time, transactions: 200 })
        }
        _ => Update::Status { slot, bank, state },
    });
    (1..3_u64, update)
}

#[test]
fn r19_an_index_that_cannot_be_is_refused_with_its_place() {
    let mut scene = Scene::new();
    scene.send(1, [Update::Created { slot: 10, bank: 10 }, transaction(10, 10, 200)]);
    scene.send(1, [transaction(10, 10, 1), Update::Meta(meta(10, 10, tag(10), 9))]);
    let rejects = scene.news.iter().filter(|news| matches!(news, News::Reject { .. }));
    assert_eq!(rejects.count(), 1);
    assert_eq!(scene.standing(), [(10, 1)].into());
    scene.send(1, [Update::Meta(meta(11, 11, 0, 10)), Update::Meta(meta(11, 11, tag(11), 11))]);
    let rejects = scene.news.iter().filter(|news| matches!(news, News::Reject { .. }));
    assert_eq!(rejects.count(), 3);
}
