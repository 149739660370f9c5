//! The one call from a transaction to the events of the vocabulary, for every source.

use model::{ChainEvent, Event, Program, Reject, RejectReason};

use crate::Counts;
use crate::balances::balances;
use crate::bounds;
use crate::decode::{Decoded, Refused, decode};
use crate::normalize::{Placed, Refusal, attribute, normalize};
use crate::pools::PoolRegistry;
use crate::programs::{Form, Undecoded};
use crate::ranks::QuoteRanks;
use crate::transaction::Transaction;
use crate::unknown::{UnknownEvents, spelled};

/// Decodes transactions, remembers pools, and counts what gave no event.
#[derive(Clone, Debug)]
pub struct Decoder {
    source: String,
    pools: PoolRegistry,
    unknown: UnknownEvents,
    counts: Counts,
}

impl Decoder {
    /// A decoder that knows no pool yet. `source` names the source in rejects.
    #[must_use]
    pub fn new(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            pools: PoolRegistry::default(),
            unknown: UnknownEvents::default(),
            counts: Counts::new(),
        }
    }

    /// The same with other ranks of quote tokens.
    #[must_use]
    pub fn ranked(self, ranks: &QuoteRanks) -> Self {
        Self { pools: PoolRegistry::new(ranks.clone()), ..self }
    }

    /// Appends the events of a transaction to `out`, in the order of execution, and after them what it
    /// did to the balances of the tokens that they are about. A failed transaction gives none. What could not be used is a [`Reject`] among them, or a count.
    ///
    /// `cursor` says where in the source the transaction is; it names rejects.
    pub fn events(&mut self, tx: &Transaction, cursor: &str, out: &mut Vec<Event>) {
        self.count("tx");
        if tx.error.is_some() {
            self.count("failed_tx");
            return;
        }
        if let Err(detail) = bounds::transaction(tx) {
            out.push(Event::Reject(Reject {
                source: self.source.clone(),
                cursor: cursor.to_owned(),
                reason: RejectReason::Malformed,
                program: None,
                signature: Some(tx.signature),
                slot: bounds::named_slot(tx.slot),
                detail,
            }));
            return;
        }
        self.unknown.advance(tx.block_time, &self.source, out);
        let decoding = decode(tx);
        if decoding.truncated {
            self.count("truncated_log");
        }
        self.add("unreadable_log_data", decoding.unreadable);
        for refused in &decoding.refused {
            self.refuse(refused, tx, cursor, out);
        }
        for (program, place) in &decoding.lost {
            let detail = "the log was cut off before this instruction's event, and the program only logs";
            let cursor = within(cursor, Some((place.outer, place.inner)));
            out.push(Event::Reject(self.reject(
                *program,
                tx,
                cursor,
                RejectReason::Undecoded,
                detail.to_owned(),
            )));
        }
        let first = out.len();
        let mut swaps: Vec<Placed> = Vec::new();
        for decoded in &decoding.events {
            if is_told_twice(decoded, &decoding.events) {
                self.count(&format!("copies.{}.EvtSwap", decoded.program));
                continue;
            }
            match normalize(decoded, tx, &mut self.pools) {
                Ok((event, swapped)) => {
                    swaps.extend(swapped.map(|swapped| (out.len() - first, swapped)));
                    out.push(Event::Chain(event));
                }
                Err(Refusal { reason, detail }) => {
                    let cursor = within(cursor, decoded.place.map(|place| (place.outer, place.inner)));
                    out.push(Event::Reject(self.reject(decoded.program, tx, cursor, reason, detail)));
                }
            }
        }
        attribute(tx, &self.pools, out.get_mut(first..).unwrap_or_default(), &swaps);
        let changed = balances(tx, out.get(first..).unwrap_or_default());
        out.extend(changed.into_iter().map(|event| Event::Chain(ChainEvent::BalancesChanged(event))));
    }

    /// Appends what is only told at the end: the unknown events of the last hour. For when the source ends.
    pub fn finish(&mut self, out: &mut Vec<Event>) {
        self.unknown.finish(&self.source, out);
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Adds one to a count.
    pub fn count(&mut self, name: &str) {
        self.add(name, 1);
    }

    fn add(&mut self, name: &str, by: u64) {
        // A lookup before the entry: a name is made once, and counted for every transaction.
        match self.counts.get_mut(name) {
            Some(count) => *count += by,
            None if by > 0 => drop(self.counts.insert(name.to_owned(), by)),
            None => {}
        }
    }

    fn refuse(&mut self, refused: &Refused, tx: &Transaction, cursor: &str, out: &mut Vec<Event>) {
        let program = refused.program;
        match refused.why {
            Undecoded::Unknown(discriminator) => {
                self.count(&format!("unknown.{program}.{}", spelled(program, discriminator)));
                let place = refused.place.map(|place| (place.outer, place.inner));
                let first = || (within(cursor, place), tx.signature, tx.slot);
                self.unknown.note((program, discriminator), tx.block_time, first);
            }
            Undecoded::Ignored(name) => self.count(&format!("ignored.{program}.{name}")),
            Undecoded::Short { event, .. } => {
                self.count(&format!("undecoded.{program}.{event}"));
                let cursor = within(cursor, refused.place.map(|place| (place.outer, place.inner)));
                let detail = refused.why.to_string();
                out.push(Event::Reject(self.reject(program, tx, cursor, RejectReason::Undecoded, detail)));
            }
        }
    }

    fn reject(
        &self,
        program: Program,
        tx: &Transaction,
        cursor: String,
        reason: RejectReason,
        detail: String,
    ) -> Reject {
        Reject {
            source: self.source.clone(),
            cursor,
            reason,
            program: Some(program.address()),
            signature: Some(tx.signature),
            slot: tx.slot,
            detail,
        }
    }
}

/// The cursor of one event within a transaction, so that two of them do not share one.
fn within(cursor: &str, place: Option<(u16, i16)>) -> String {
    match place {
        Some((outer, inner)) => format!("{cursor}#{outer}.{inner}"),
        None => cursor.to_owned(),
    }
}

/// True for the old form of a swap whose new form is from the same instruction.
fn is_told_twice(decoded: &Decoded, all: &[Decoded]) -> bool {
    let Form::Old(pool) = decoded.payload.form() else { return false };
    all.iter()
        .filter(|other| other.program == decoded.program && other.cause == decoded.cause)
        .any(|other| other.payload.form() == Form::New(pool))
}

#[cfg(test)]
mod tests {
    use model::{Address, Fee, Side, Signature};
    use proptest::prelude::*;

    use super::*;
    use crate::programs::EVENT_INSTRUCTION;
    use crate::programs::tests::all_discriminators;
    use crate::transaction::{InnerInstructions, Instruction, TokenBalance};

    const POOL: Address = Address([2; 32]);
    const MINT: Address = Address([3; 32]);
    const WALLET: Address = Address([4; 32]);

    /// A `BuyEvent` of PumpSwap: 10 base for 100 quote, LP fee 2, protocol 1, out of 1,000 and 9,000.
    fn buy() -> Vec<u8> {
        let numbers = [1_700_000_000u64, 10, 999, 0, 0, 1_000, 9_000, 103, 20, 2, 5, 1, 102, 100];
        let mut bytes = 0x67f4_521f_2cf5_7777_u64.to_be_bytes().to_vec();
        bytes.extend(numbers.into_iter().flat_map(u64::to_le_bytes));
        bytes.extend(POOL.0);
        bytes.extend(WALLET.0);
        bytes.extend([0; 4 * 32]);
        bytes
    }

    /// `WALLET` calls PumpSwap's `buy` on a pool of these mints, and the program says `events`.
    fn transaction(mints: [Address; 2], events: &[Vec<u8>]) -> Transaction {
        let accounts = vec![2, 0, 5, 3, 4, 5, 5, 5, 5];
        let call = Instruction {
            program: 1,
            accounts,
            data: 0x6606_3d12_01da_ebea_u64.to_be_bytes().to_vec(),
            stack_height: None,
        };
        let event = |bytes: &Vec<u8>| Instruction {
            program: 1,
            accounts: vec![],
            data: [&EVENT_INSTRUCTION[..], bytes].concat(),
            stack_height: None,
        };
        let balance = TokenBalance { account: 0, mint: MINT, owner: None, amount: 0, decimals: 6 };
        Transaction {
            slot: Some(5),
            signers: 1,
            keys: vec![WALLET, Program::Pumpswap.address(), POOL, mints[0], mints[1], Address([5; 32])],
            instructions: vec![call],
            inner: Some(vec![InnerInstructions {
                outer: 0,
                instructions: events.iter().map(event).collect(),
            }]),
            post_token_balances: vec![balance],
            fee: Some(5_300),
            ..Transaction::new(Signature([9; 64]))
        }
    }

    fn events(tx: &Transaction) -> (Vec<Event>, Decoder) {
        let mut decoder = Decoder::new("test");
        let mut events = Vec::new();
        decoder.events(tx, "file:1", &mut events);
        (events, decoder)
    }

    fn trade(mints: [Address; 2]) -> model::Trade {
        match &events(&transaction(mints, &[buy()])).0[..] {
            [Event::Chain(ChainEvent::Trade(trade))] => *trade,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_purchase_moves_the_reserves_by_all_but_the_fees_that_leave() {
        let trade = trade([MINT, Address::WSOL]);
        assert_eq!((trade.side, trade.mint, trade.quote_mint), (Side::Buy, MINT, Address::WSOL));
        assert_eq!((trade.base_amount, trade.quote_amount, trade.quote_user), (10, 100, Some(103)));
        assert_eq!((trade.base_reserve, trade.quote_reserve), (Some(990), Some(9_102)));
        assert_eq!((trade.fees.lp, trade.fees.protocol), (Some(Fee::Quote(2)), Some(Fee::Quote(1))));
        assert_eq!((trade.trader, trade.priority_fee), (Some(WALLET), Some(300)));
        assert_eq!(trade.origin.block_time, 1_700_000_000);
    }

    #[test]
    fn in_an_inverted_pool_a_purchase_of_its_base_sells_the_coin() {
        let trade = trade([Address::WSOL, MINT]);
        assert_eq!((trade.side, trade.mint, trade.quote_mint), (Side::Sell, MINT, Address::WSOL));
        assert_eq!((trade.base_amount, trade.quote_amount, trade.quote_user), (100, 10, Some(10)));
        assert_eq!((trade.base_reserve, trade.quote_reserve), (Some(9_102), Some(990)));
        // The fees are in the coin.
        assert_eq!((trade.fees.lp, trade.fees.protocol), (Some(Fee::Base(2)), Some(Fee::Base(1))));
        assert_eq!((trade.fees.creator, trade.fees.cashback), (None, None));
        assert!(trade.spot_after < trade.spot_before);
    }

    #[test]
    fn block_time_counts_before_the_events_own() {
        let mut tx = transaction([MINT, Address::WSOL], &[buy()]);
        tx.block_time = Some(1_700_000_005);
        let Event::Chain(event) = &events(&tx).0[0] else { panic!() };
        assert_eq!(event.origin().block_time, 1_700_000_005);
    }

    #[test]
    fn without_a_slot_an_event_is_rejected_with_what_to_do() {
        let mut tx = transaction([MINT, Address::WSOL], &[buy()]);
        tx.slot = None;
        let Event::Reject(reject) = &events(&tx).0[0] else { panic!() };
        assert_eq!((reject.reason, reject.cursor.as_str()), (RejectReason::Unplaced, "file:1#0.0"));
        assert!(reject.detail.contains("keep the `slot`"), "{}", reject.detail);
    }

    #[test]
    fn a_failed_transaction_is_counted_and_nothing_else() {
        let mut tx = transaction([MINT, Address::WSOL], &[buy()]);
        tx.error = Some("Custom".to_owned());
        let (events, decoder) = events(&tx);
        assert_eq!((events.len(), decoder.counts()["failed_tx"]), (0, 1));
    }

    #[test]
    fn a_pool_is_remembered_for_a_transaction_that_does_not_name_its_mints() {
        let (_, mut decoder) = events(&transaction([MINT, Address::WSOL], &[buy()]));
        let mut tx = transaction([MINT, Address::WSOL], &[buy()]);
        tx.instructions[0].data = vec![0; 8];
        tx.post_token_balances.clear();
        let mut out = Vec::new();
        decoder.events(&tx, "file:2", &mut out);
        assert!(matches!(out[..], [Event::Chain(ChainEvent::Trade(_))]), "{out:?}");
        let Event::Reject(reject) = &events(&tx).0[0] else { panic!() };
        assert_eq!(reject.reason, RejectReason::UnknownPool);
    }

    #[test]
    fn what_is_no_event_is_counted_by_name_or_rejected() {
        let short = buy()[..40].to_vec();
        let ignored = 0xae7c_4af9_0451_f611_u64.to_be_bytes().to_vec();
        let (events, decoder) = events(&transaction([MINT, Address::WSOL], &[vec![0xab; 9], ignored, short]));
        assert_eq!(decoder.counts()["unknown.pumpswap.abababababababab"], 1);
        assert_eq!(decoder.counts()["ignored.pumpswap.InitBoostEvent"], 1);
        assert_eq!(decoder.counts()["undecoded.pumpswap.BuyEvent"], 1);
        let [Event::Reject(reject)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(reject.reason, RejectReason::Undecoded);
        assert!(reject.detail.starts_with("BuyEvent: the bytes end before field"), "{}", reject.detail);
        // The unknown one is told when its hour is over, here by the end.
        let (mut decoder, mut last) = (decoder, Vec::new());
        decoder.finish(&mut last);
        let [Event::Reject(reject)] = &last[..] else { panic!("{last:?}") };
        assert_eq!((reject.reason, reject.cursor.as_str()), (RejectReason::Undecoded, "file:1#0.0"));
        assert!(reject.detail.starts_with("unknown event abababababababab of pumpswap: 1 "), "{reject:?}");
    }

    #[test]
    fn a_number_that_cannot_be_refuses_its_transaction_by_name() {
        let good = transaction([MINT, Address::WSOL], &[buy()]);
        for (tx, slot) in [
            (Transaction { slot: Some(u64::MAX), ..good.clone() }, None),
            (Transaction { block_time: Some(i64::MAX.unsigned_abs()), ..good.clone() }, Some(5)),
            (Transaction { block_time: Some(1_700_000_000_000), ..good.clone() }, Some(5)),
            (Transaction { fee: Some(u64::MAX), ..good.clone() }, Some(5)),
        ] {
            let (events, _) = events(&tx);
            let [Event::Reject(reject)] = &events[..] else { panic!("{events:?}") };
            assert_eq!((reject.reason, reject.slot), (RejectReason::Malformed, slot));
            assert!(reject.detail.contains("cannot be") && reject.cursor == "file:1", "{reject:?}");
        }
        // The event's own time stands in for the block's, and is held to the same.
        let mut wrong = buy();
        wrong[8..16].copy_from_slice(&7u64.to_le_bytes());
        let (events, _) = events(&transaction([MINT, Address::WSOL], &[wrong]));
        let [Event::Reject(reject)] = &events[..] else { panic!("{events:?}") };
        assert!(
            reject.reason == RejectReason::Malformed && reject.detail.contains("block time 7"),
            "{reject:?}"
        );
    }

    #[test]
    fn decimals_that_cannot_be_refuse_their_trade() {
        let mut tx = transaction([MINT, Address::WSOL], &[buy()]);
        tx.post_token_balances[0].decimals = 200;
        let (events, _) = events(&tx);
        let [Event::Reject(reject)] = &events[..] else { panic!("{events:?}") };
        assert!(
            reject.reason == RejectReason::Malformed && reject.detail.contains("200 decimals"),
            "{reject:?}"
        );
    }

    proptest! {
        #[test]
        fn any_event_of_any_program_is_taken(
            program in prop::sample::select(&Program::ALL[..]),
            discriminator in prop::sample::select(all_discriminators()),
            fields in prop::collection::vec(prop_oneof![Just(0u8), Just(0xff), any::<u8>()], 0..500),
            ray in 0u8..6,
            mints in any::<bool>(),
        ) {
            let bytes: Vec<u8> = match program {
                Program::RaydiumAmmV4 => [ray].into_iter().chain(fields).collect(),
                _ => discriminator.to_be_bytes().into_iter().chain(fields).collect(),
            };
            let mut tx = transaction([MINT, Address::WSOL], &[bytes]);
            tx.keys[1] = program.address();
            if mints {
                tx.post_token_balances.push(TokenBalance { account: 5, mint: MINT, owner: Some(POOL), amount: 1, decimals: 9 });
            }
            let (events, decoder) = events(&tx);
            // Nothing vanishes: an event, a reject, or a count.
            let counted: u64 = decoder.counts().values().sum();
            prop_assert!(!events.is_empty() || counted > 1);
        }
    }
}
