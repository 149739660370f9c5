//! The owners of one token.

use model::{Address, Diff, Seconds};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::accounts::{self, OwnerKind};
use super::board::{Board, Standing};
use super::input::{Input, Labelled, Moment, Trade};
use super::owner::{Entry, Owner, Past, What};
use super::record::{Concentration, CreatorHolding, Holdings, Supply};
use super::shown::{self, Shown};
use super::supplies::Supplies;
use super::{Output, Params};
use crate::prelude::*;

/// The number of owners that top-10 figures need.
const TEN: usize = 10;

/// See the module.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Token {
    /// Its order reaches no output: it is looked up, and looked through for the largest.
    owners: FxHashMap<Address, Owner>,
    /// Owners who may stand elsewhere by now, and where they stand on the board.
    dirty: Vec<(Address, Standing)>,
    board: Board,
    pools: Vec<Pool>,
    creators: Vec<Creator>,
    supplies: Supplies,
    /// How many events there are of the token. Without any it has no rows.
    events: Diff,
    /// The outputs that stand.
    shown: Option<Box<Shown>>,
    show_at: Option<Seconds>,
    settle_at: Option<Seconds>,
    /// When something last came.
    active_at: Seconds,
    is_forgotten: bool,
}

/// A pool of the token, by how many events.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Pool {
    address: Address,
    as_curve: Diff,
    as_pool: Diff,
}

/// A creator of the token, by how many events.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Creator {
    address: Address,
    count: Diff,
    /// Events that can no longer change, folded.
    settled: Past,
    past: Past,
    held: u64,
}

/// Settings of the operator.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) params: Params,
    /// Owners who are no holders, beside those that are known.
    pub(super) protocol_accounts: Vec<Address>,
    pub(super) horizon: Horizon,
}

impl Token {
    fn change(&mut self, input: Input, diff: Diff, settings: &Settings) {
        match input {
            Input::Trade(trade) => self.change_trade(&trade, diff, settings),
            Input::Balances { moment, balances, .. } => {
                for balance in balances {
                    let what = What::Balance { account: balance.account, amount: balance.after };
                    self.change_owner(balance.owner, Entry { moment, what }, diff, settings);
                }
            }
            Input::Pool { pool, is_curve, .. } => self.change_pool(pool, is_curve, diff, settings),
            Input::Created { creators, supply, time, .. } => {
                for creator in creators.into_iter().flatten() {
                    self.change_creator(creator, diff, settings);
                }
                if let Some(supply) = supply {
                    self.supplies.change(supply, time, diff);
                }
            }
            Input::Label { owner, kind, .. } => self.owner(owner, settings).label(kind, diff > 0),
        }
    }

    fn change_trade(&mut self, trade: &Trade, diff: Diff, settings: &Settings) {
        let Trade { moment, owner, side, amount, pool, is_curve, supply, .. } = *trade;
        if let Some(owner) = owner {
            self.change_owner(owner, Entry { moment, what: What::Trade(side, amount) }, diff, settings);
        }
        if let Some(supply) = supply {
            let Moment { time, .. } = moment;
            self.supplies.change(supply, time, diff);
        }
        self.change_pool(pool, is_curve, diff, settings);
    }

    fn change_owner(&mut self, owner: Address, entry: Entry, diff: Diff, settings: &Settings) {
        let owner = self.owner(owner, settings);
        if diff > 0 {
            owner.insert(entry);
        } else {
            owner.remove(&entry);
        }
    }

    /// An owner, who may be new and is about to change.
    fn owner(&mut self, address: Address, settings: &Settings) -> &mut Owner {
        let Self { owners, dirty, pools, creators, .. } = self;
        let owner =
            owners.entry(address).or_insert_with(|| Owner::new(kind_of(&address, pools, creators, settings)));
        if !owner.is_dirty {
            owner.is_dirty = true;
            dirty.push((address, Standing::of(owner)));
        }
        owner
    }

    fn change_pool(&mut self, address: Address, is_curve: bool, diff: Diff, settings: &Settings) {
        let known = self.pools.iter().position(|pool| pool.address == address);
        let at = known.unwrap_or_else(|| {
            self.pools.push(Pool { address, as_curve: 0, as_pool: 0 });
            self.pools.len() - 1
        });
        let Some(pool) = self.pools.get_mut(at) else { return };
        let before = pool.kind();
        *if is_curve { &mut pool.as_curve } else { &mut pool.as_pool } += diff;
        if before != pool.kind() {
            self.pools.retain(|pool| pool.kind().is_some());
            self.reconsider(address, settings);
        }
    }

    fn change_creator(&mut self, address: Address, diff: Diff, settings: &Settings) {
        match self.creators.iter_mut().find(|creator| creator.address == address) {
            Some(creator) => creator.count += diff,
            None => {
                let past = Past::default();
                self.creators.push(Creator { address, count: diff, settled: past, past, held: 0 });
            }
        }
        self.creators.retain(|creator| creator.count > 0);
        self.reconsider(address, settings);
    }

    /// Works out anew whose address it is.
    fn reconsider(&mut self, address: Address, settings: &Settings) {
        let kind = kind_of(&address, &self.pools, &self.creators, settings);
        self.owner(address, settings).kind = kind;
    }

    /// Brings the board up to date.
    fn rank(&mut self, params: &Params) {
        let keep = params.top.max(TEN);
        for (address, before) in self.dirty.drain(..) {
            let Some(owner) = self.owners.get_mut(&address) else { continue };
            owner.refresh();
            owner.is_dirty = false;
            self.board.change(&address, before, owner, params.dust, keep);
            let creator = self.creators.iter_mut().find(|creator| creator.address == address);
            if let Some(creator) = creator {
                (creator.past, creator.held) = (owner.past(creator.settled), owner.balance());
            } else if owner.is_nothing() {
                self.owners.remove(&address);
            }
        }
        self.board.fill(keep, params.dust, self.owners.iter());
    }

    /// The outputs that are due now.
    fn figures(&self, mint: Address, params: &Params) -> Option<Shown> {
        if self.events <= 0 {
            return None;
        }
        let supply = self.supplies.least().map(|total| Supply { total, burnt: self.board.burnt() });
        let (board, ranks) = (&self.board, self.board.ranks());
        let top10 = ranks.largest(TEN);
        Some(Shown {
            largest: board.largest(params.top).to_vec(),
            concentration: Concentration {
                mint,
                holders: ranks.count(),
                holders_raw: board.owners(),
                sum: ranks.sum(),
                weighted: ranks.weighted(),
                squares: ranks.squares(),
                top10,
                top10_raw: board.largest(TEN).iter().map(|place| u128::from(place.balance)).sum(),
                supply,
                nakamoto: ranks.majority(),
            },
            holdings: Holdings {
                mint,
                holders: ranks.count(),
                top10,
                supply,
                creator: self.creator(),
                snipers: board.group(Labelled::Sniper),
                bundlers: board.group(Labelled::Bundler),
                insiders: board.group(Labelled::Insider),
            },
        })
    }

    fn creator(&self) -> Option<CreatorHolding> {
        let held: u128 = self.creators.iter().map(|creator| u128::from(creator.held)).sum();
        let has_sold = held == 0 && self.creators.iter().any(|creator| creator.past.has_held);
        let sold_at = self.creators.iter().filter_map(|creator| creator.past.sold_at).max();
        (!self.creators.is_empty()).then_some(CreatorHolding {
            held,
            has_sold,
            sold_at: sold_at.filter(|_| has_sold),
        })
    }

    /// Lets what has changed leave.
    fn show(&mut self, mint: Address, effects: &mut Effects<'_, Self>) {
        let params = &effects.params.params;
        self.rank(params);
        let now = self.figures(mint, params);
        shown::emit(mint, self.shown.as_deref(), now.as_ref(), effects);
        self.shown = now.map(Box::new);
    }

    /// Lets go of what can no longer be corrected.
    fn settle(&mut self, now: Seconds, horizon: Horizon) {
        let cut = now.saturating_sub(horizon.kept_s());
        let (creators, mut is_recent) = (&mut self.creators, false);
        self.owners.retain(|address, owner| {
            let creator = creators.iter_mut().find(|creator| creator.address == *address);
            let is_kept = creator.is_some() || owner.is_dirty;
            owner.settle(cut, creator.map_or(&mut Past::default(), |creator| &mut creator.settled));
            is_recent |= owner.is_recent();
            is_kept || !owner.is_nothing()
        });
        self.supplies.settle(cut);
        self.settle_at = (is_recent || self.supplies.is_recent()).then(|| now + step_s(horizon));
    }

    fn forget_at(&self, params: &Params) -> Seconds {
        self.active_at.saturating_add(params.remember_s)
    }
}

impl Pool {
    fn kind(&self) -> Option<OwnerKind> {
        match self {
            Self { as_curve: 1.., .. } => Some(OwnerKind::Curve),
            Self { as_pool: 1.., .. } => Some(OwnerKind::Pool),
            Self { .. } => None,
        }
    }
}

/// Whose address it is, by what is known of the token and of the address.
fn kind_of(address: &Address, pools: &[Pool], creators: &[Creator], settings: &Settings) -> OwnerKind {
    let pool = || pools.iter().find(|pool| pool.address == *address).and_then(Pool::kind);
    let is_excluded = || settings.protocol_accounts.contains(address);
    let is_creator = || creators.iter().any(|creator| creator.address == *address);
    match accounts::known(address).filter(|known| *known == OwnerKind::Burn).or_else(pool) {
        Some(kind) => kind,
        None if accounts::known(address).is_some() || is_excluded() => OwnerKind::Protocol,
        None if is_creator() => OwnerKind::Creator,
        None => OwnerKind::Wallet,
    }
}

/// How often is looked for what can be let go. All owners are looked through, so rarely.
const fn step_s(horizon: Horizon) -> Seconds {
    horizon.kept_s() / 4
}

impl State for Token {
    type Key = Address;
    type Input = Input;
    /// Outputs are emitted as they are found to differ.
    type Part = ();
    type Output = Output;
    type Params = Settings;

    fn key(input: &Input) -> Address {
        input.mint()
    }

    fn route(mint: &Address) -> u64 {
        mint.route()
    }

    fn apply(&mut self, _: &Address, input: Input, diff: Diff, effects: &mut Effects<'_, Self>) {
        let now = effects.now;
        self.active_at = now;
        self.is_forgotten = false;
        self.show_at.get_or_insert(now + 1);
        self.settle_at.get_or_insert(now + step_s(effects.params.horizon));
        if !matches!(input, Input::Label { .. }) {
            self.events += diff;
        }
        self.change(input, diff, effects.params);
    }

    fn next_timer(&self, settings: &Settings) -> Option<Seconds> {
        [self.show_at, self.settle_at, Some(self.forget_at(&settings.params))].into_iter().flatten().min()
    }

    fn on_timer(&mut self, mint: &Address, effects: &mut Effects<'_, Self>) {
        let (Settings { params, horizon, .. }, now) = (effects.params, effects.now);
        if self.show_at.take_if(|at| *at <= now).is_some() {
            self.show(*mint, effects);
        }
        if self.settle_at.is_some_and(|at| at <= now) {
            self.settle(now, *horizon);
        }
        if self.forget_at(params) <= now {
            shown::emit(*mint, self.shown.as_deref(), None, effects);
            *self = Self { is_forgotten: true, ..Self::default() };
        }
    }

    fn lags(&self, _: Seconds, _: &Settings) -> bool {
        self.show_at.is_some()
    }

    fn publish(&mut self, mint: &Address, effects: &mut Effects<'_, Self>) {
        self.show(*mint, effects);
    }

    fn output(&self, _: &Address, (): &(), _: &Settings) -> Option<Output> {
        None
    }

    fn is_idle(&self) -> bool {
        let is_empty = self.events <= 0 && self.shown.is_none() && self.show_at.is_none();
        self.is_forgotten || (is_empty && self.owners.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use model::time::start_of;
    use model::{AccountBalance, EventId, Side, TxPlace};

    use super::*;
    use crate::holders::{Group, Holder};
    use crate::keyed::Store;

    const MINT: Address = Address([200; 32]);
    const CURVE: u8 = 100;
    const HORIZON: Horizon = Horizon(60);
    /// When everything of second 1000 is past correction and has been let go.
    const SETTLED: Seconds = 1000 + 2 * HORIZON.kept_s();

    fn wallet(number: u8) -> Address {
        Address([number; 32])
    }

    fn store(params: Params) -> Store<Token> {
        Store::new(Settings { params, protocol_accounts: vec![wallet(99)], horizon: HORIZON })
    }

    fn moment(time: Seconds, outer_ix: u16) -> Moment {
        let id = EventId { slot: time, tx: TxPlace::Index(0), outer_ix, inner_ix: -1 };
        Moment { time, id, tx: time }
    }

    fn trade(time: Seconds, owner: u8, side: Side, amount: u64) -> Input {
        Input::Trade(Trade {
            mint: MINT,
            moment: moment(time, 1),
            owner: Some(wallet(owner)),
            side,
            amount,
            pool: wallet(CURVE),
            is_curve: true,
            supply: Some(1000),
        })
    }

    fn balances(time: Seconds, balances: &[(u8, u64)]) -> Input {
        let balances = balances.iter().map(|(owner, after)| AccountBalance {
            owner: wallet(*owner),
            account: u64::from(*owner),
            before: 0,
            after: *after,
        });
        Input::Balances { mint: MINT, moment: moment(time, u16::MAX), balances: balances.collect() }
    }

    /// The outputs after the changes of a second, shown in the next one.
    #[derive(Default)]
    struct View {
        holders: Vec<Holder>,
        concentration: Option<Concentration>,
        holdings: Option<Holdings>,
        /// How many changes were emitted.
        emitted: usize,
    }

    impl View {
        fn step(&mut self, store: &mut Store<Token>, second: Seconds, changes: &[(Input, Diff)]) {
            for (at, changes) in [(second, changes), (second + 1, &[])] {
                store.fire(start_of(at));
                for (input, diff) in changes {
                    store.apply(start_of(at), input.clone(), *diff);
                }
                store.close(|output, diff| {
                    assert_eq!(at, second + 1, "nothing leaves within the second of a change");
                    self.take_in(output, diff);
                });
            }
            self.holders.sort_by_key(|holder| holder.rank);
        }

        fn take_in(&mut self, output: Output, diff: Diff) {
            self.emitted += 1;
            match (output, diff) {
                (Output::Holder(holder), 1) => self.holders.push(holder),
                (Output::Holder(holder), _) => self.holders.retain(|other| *other != holder),
                (Output::Concentration(row), diff) => self.concentration = (diff > 0).then_some(row),
                (Output::Holdings(row), diff) => self.holdings = (diff > 0).then_some(row),
            }
        }

        fn ranking(&self) -> Vec<(u8, u64, &str)> {
            self.holders.iter().map(|h| (h.owner.0[0], h.balance, h.kind.name())).collect()
        }
    }

    fn bytes(store: &Store<Token>) -> usize {
        postcard::to_stdvec(&store.states().map(|(_, state)| state).collect::<Vec<_>>()).unwrap().len()
    }

    #[test]
    fn curves_pools_and_burnt_tokens_are_owned_and_not_held() {
        let (mut store, mut view) = (store(Params::default()), View::default());
        let burn = Address::ZERO;
        let buy = trade(1000, 1, Side::Buy, 200);
        view.step(
            &mut store,
            1000,
            &[(buy, 1), (balances(1000, &[(CURVE, 500), (1, 200), (0, 200), (2, 90), (99, 10)]), 1)],
        );
        assert_eq!(
            view.ranking(),
            [
                (CURVE, 500, "curve"),
                (0, 200, "burn"),
                (1, 200, "wallet"),
                (2, 90, "wallet"),
                (99, 10, "protocol")
            ]
        );
        assert_eq!(view.holders[1].owner, burn);
        let row = view.concentration.clone().unwrap();
        assert_eq!((row.holders, row.holders_raw, row.nakamoto), (2, 5, Some(1)));
        // 290 of the 800 that are not burnt; raw all 1000 of them.
        assert_eq!((row.top10_pct(), row.top10, row.top10_raw), (Some(36.25), 290, 1000));
        // The curve turns out to be none: its only trade is taken back.
        view.step(&mut store, 1001, &[(trade(1000, 1, Side::Buy, 200), -1)]);
        assert_eq!(view.ranking()[0], (CURVE, 500, "wallet"));
        assert_eq!(view.concentration.clone().unwrap().supply, None, "nothing says the supply any more");
    }

    #[test]
    fn only_rows_that_differ_leave() {
        let (mut store, mut view) = (store(Params { top: 3, ..Params::default() }), View::default());
        view.step(&mut store, 1000, &[(balances(1000, &[(1, 90), (2, 80), (3, 70), (4, 60)]), 1)]);
        assert_eq!(view.emitted, 3 + 2);
        view.emitted = 0;
        // The first grows: one row, twice, concentration and holdings.
        view.step(&mut store, 1001, &[(balances(1001, &[(1, 95)]), 1)]);
        assert_eq!(view.emitted, 2 + 4);
        view.emitted = 0;
        // The fourth overtakes the third.
        view.step(&mut store, 1002, &[(balances(1002, &[(4, 75)]), 1)]);
        assert_eq!((view.emitted, view.ranking()[2]), (2 + 4, (4, 75, "wallet")));
        view.emitted = 0;
        view.step(&mut store, 1003, &[(balances(1003, &[(4, 75)]), 1)]);
        assert_eq!(view.emitted, 0, "nothing is other than it was");
    }

    #[test]
    fn the_creator_holds_and_has_sold() {
        let (mut store, mut view) = (store(Params::default()), View::default());
        let created = Input::Created {
            mint: MINT,
            creators: [Some(wallet(5)), Some(wallet(6))],
            supply: Some(1000),
            time: 1000,
        };
        view.step(
            &mut store,
            1000,
            &[(created.clone(), 1), (balances(1000, &[(5, 100), (6, 50), (7, 10)]), 1)],
        );
        let creator = |view: &View| view.holdings.as_ref().unwrap().creator.unwrap();
        assert_eq!(view.holdings.as_ref().unwrap().dev_hold_pct(), Some(15.0));
        assert_eq!(view.ranking()[1], (6, 50, "creator"));
        view.step(&mut store, 1010, &[(balances(1010, &[(5, 0)]), 1)]);
        assert_eq!((creator(&view).held, creator(&view).has_sold), (50, false));
        view.step(&mut store, 1020, &[(balances(1020, &[(6, 0)]), 1)]);
        let sold = CreatorHolding { held: 0, has_sold: true, sold_at: Some(1020) };
        assert_eq!(creator(&view), sold);
        // The holding is still known when the events are long gone.
        view.step(&mut store, SETTLED, &[(balances(SETTLED, &[(7, 11)]), 1)]);
        assert_eq!(creator(&view), sold);
        view.step(&mut store, SETTLED + 10, &[(balances(SETTLED + 10, &[(5, 1)]), 1)]);
        assert_eq!(creator(&view), CreatorHolding { held: 1, has_sold: false, sold_at: None });
    }

    #[test]
    fn labelled_wallets_hold_together() {
        let (mut store, mut view) = (store(Params::default()), View::default());
        let label = |owner, kind| Input::Label { mint: MINT, owner: wallet(owner), kind };
        // Labels before and after balances; one wallet with two, one that holds nothing.
        let first = [(label(1, Labelled::Sniper), 1), (label(3, Labelled::Sniper), 1)];
        view.step(&mut store, 1000, &first);
        assert!(view.holdings.is_none(), "labels alone are no token");
        view.step(
            &mut store,
            1001,
            &[(trade(1001, 1, Side::Buy, 30), 1), (trade(1001, 2, Side::Buy, 20), 1)],
        );
        view.step(&mut store, 1002, &[(label(1, Labelled::Bundler), 1), (label(2, Labelled::Bundler), 1)]);
        let held = view.holdings.clone().unwrap();
        assert_eq!(
            (held.snipers, held.bundlers),
            (Group { wallets: 2, held: 30 }, Group { wallets: 2, held: 50 })
        );
        assert_eq!(held.held_pct(held.bundlers), Some(5.0));
        view.step(&mut store, 1003, &[(label(1, Labelled::Bundler), -1), (trade(1003, 2, Side::Sell, 5), 1)]);
        assert_eq!(view.holdings.clone().unwrap().bundlers, Group { wallets: 1, held: 15 });
    }

    #[test]
    fn the_known_concentration() {
        let (mut store, mut view) = (store(Params::default()), View::default());
        let known = [300, 200, 150, 100, 80, 60, 40, 30, 20, 10, 5, 3, 1, 1];
        let of: Vec<(u8, u64)> = (1..).zip(known).collect();
        view.step(&mut store, 1000, &[(balances(1000, &of), 1), (trade(999, 20, Side::Sell, 1), 1)]);
        let row = view.concentration.unwrap();
        assert_eq!((row.top10_pct(), row.nakamoto), (Some(99.0), Some(3)));
        assert!((row.gini().unwrap() - 0.610_285_714_285_714_3).abs() < 1e-15);
        assert!((row.hhi().unwrap() - 1755.36).abs() < 1e-9);
    }

    #[test]
    fn owners_at_rest_are_small_and_those_who_left_are_gone() {
        let (mut store, mut view) = (store(Params::default()), View::default());
        let many: Vec<(u8, u64)> = (1..=90).map(|owner| (owner, 1_000_000)).collect();
        let none: Vec<(u8, u64)> = (31..=90).map(|owner| (owner, 0)).collect();
        view.step(&mut store, 1000, &[(balances(1000, &many), 1)]);
        view.step(&mut store, 1001, &[(balances(1001, &none), 1)]);
        let before = bytes(&store);
        view.step(&mut store, SETTLED, &[]);
        let after = bytes(&store);
        assert_eq!(view.concentration.as_ref().unwrap().holders, 30);
        assert!(after < before / 2, "{after} of {before} bytes");
        // Owners and places each are an address and some numbers; 30 of the one, 20 shown and 30 known of the other.
        assert!(after < 30 * 55 + (20 + 30) * 40 + 300, "{after} bytes");
    }

    #[test]
    fn a_token_whose_every_event_is_taken_back_is_gone() {
        let (mut store, mut view) = (store(Params::default()), View::default());
        let events = [trade(1000, 1, Side::Buy, 30), balances(1000, &[(1, 30), (CURVE, 970)])];
        view.step(&mut store, 1000, &events.clone().map(|event| (event, 1)));
        assert_eq!(view.holders.len(), 2);
        view.step(&mut store, 1005, &events.map(|event| (event, -1)));
        assert!(view.holders.is_empty() && view.concentration.is_none() && view.holdings.is_none());
        assert!(store.is_empty());
    }

    #[test]
    fn a_silent_token_is_forgotten_with_its_rows() {
        let (mut store, mut view) =
            (store(Params { remember_s: 50_000, ..Params::default() }), View::default());
        view.step(&mut store, 1000, &[(trade(1000, 1, Side::Buy, 30), 1)]);
        view.step(&mut store, 50_998, &[]);
        assert_eq!(view.holders.len(), 1);
        view.step(&mut store, 50_999, &[]);
        assert!(view.holders.is_empty() && view.concentration.is_none() && store.is_empty());
    }
}
