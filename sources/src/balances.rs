//! What a transaction did to the balances of the tokens that its events are about.
//!
//! One event a token, for tokens that an event of the transaction names; currencies are left out, since
//! nobody asks who holds SOL. Events that name no token (a completed curve of some programs) ask for
//! none.
//!
//! A trader is told even if its balance is what it was: who buys and passes on in one transaction holds
//! no more than before, and the trade alone would say otherwise.

use model::{AccountBalance, Address, BalancesChanged, ChainEvent, Event, EventId};

use crate::transaction::Transaction;

/// What `tx` did to the balances of the tokens that `events`, which are its own, are about.
pub(crate) fn balances(tx: &Transaction, events: &[Event]) -> Vec<BalancesChanged> {
    let mut changed: Vec<BalancesChanged> = Vec::new();
    for event in events {
        let Event::Chain(event) = event else { continue };
        let Some(mint) = event.mint().filter(|mint| !mint.is_currency()) else { continue };
        if changed.iter().any(|other| other.mint == mint) {
            continue;
        }
        let traders = events.iter().filter_map(|event| match event {
            Event::Chain(ChainEvent::Trade(trade)) if trade.mint == mint => trade.trader,
            _ => None,
        });
        let balances = of_mint(tx, &mint, &traders.collect::<Vec<_>>());
        if balances.is_empty() {
            continue;
        }
        let mut origin = *event.origin();
        origin.id = EventId::of_balances(origin.id.slot, origin.id.tx, rank(tx, &mint));
        changed.push(BalancesChanged { origin, mint, balances });
    }
    changed
}

/// The place of a mint among the tokens of which the transaction lists balances. It does not depend on
/// which of the transaction's events were decoded: a truncated log names the same token alike.
fn rank(tx: &Transaction, mint: &Address) -> i16 {
    let mut less: Vec<&Address> = Vec::new();
    for balance in tx.pre_token_balances.iter().chain(&tx.post_token_balances) {
        if balance.mint < *mint && !less.contains(&&balance.mint) {
            less.push(&balance.mint);
        }
    }
    i16::try_from(less.len()).unwrap_or(i16::MAX)
}

/// The accounts of a mint whose balance is another one after the transaction, and all of `traders`; a
/// trader without an account is listed with one that holds nothing. An account may change hands: then it
/// is listed twice, as left by the one and taken by the other.
fn of_mint(tx: &Transaction, mint: &Address, traders: &[Address]) -> Vec<AccountBalance> {
    let mut changed: Vec<AccountBalance> = Vec::new();
    let mut is_owned = true;
    let before = tx.pre_token_balances.iter().map(|balance| (balance, false));
    let after = tx.post_token_balances.iter().map(|balance| (balance, true));
    for (balance, is_after) in before.chain(after).filter(|(balance, _)| balance.mint == *mint) {
        let Some((owner, account)) = balance.owner.zip(tx.keys.get(usize::from(balance.account))) else {
            is_owned = false;
            continue;
        };
        let account = account.prefix();
        let known = changed.iter().position(|known| known.owner == owner && known.account == account);
        let at = known.unwrap_or_else(|| {
            changed.push(AccountBalance { owner, account, before: 0, after: 0 });
            changed.len() - 1
        });
        let entry = &mut changed[at];
        *if is_after { &mut entry.after } else { &mut entry.before } = balance.amount;
    }
    if is_owned && !changed.is_empty() {
        for trader in traders {
            if changed.iter().all(|balance| balance.owner != *trader) {
                changed.push(AccountBalance { owner: *trader, account: 0, before: 0, after: 0 });
            }
        }
    }
    changed.retain(|balance| balance.before != balance.after || traders.contains(&balance.owner));
    changed.sort_unstable();
    changed
}

#[cfg(test)]
mod tests {
    use model::{CurveParametersChanged, Fees, Origin, Program, Side, Signature, Trade, TraderKind, TxPlace};

    use super::*;
    use crate::transaction::TokenBalance;

    const COIN: Address = Address([2; 32]);
    const OTHER: Address = Address([1; 32]);
    const ANN: Address = Address([7; 32]);
    const BOB: Address = Address([8; 32]);

    fn about(mint: Address) -> Event {
        let id = EventId { slot: 5, tx: TxPlace::Index(3), outer_ix: 2, inner_ix: 1 };
        Event::Chain(ChainEvent::CurveParametersChanged(CurveParametersChanged {
            origin: Origin { id, signature: Signature([9; 64]), block_time: 11, received_at: Some(12) },
            program: Program::Pump,
            mint,
            pool: None,
            virtual_base: 1,
            virtual_quote: 1,
            real_base: None,
            real_quote: None,
        }))
    }

    fn balance(account: u16, mint: Address, owner: Option<Address>, amount: u64) -> TokenBalance {
        TokenBalance { account, mint, owner, amount, decimals: 6 }
    }

    fn transaction(before: &[TokenBalance], after: &[TokenBalance]) -> Transaction {
        Transaction {
            keys: (0..9).map(|key| Address([key; 32])).collect(),
            pre_token_balances: before.to_vec(),
            post_token_balances: after.to_vec(),
            ..Transaction::new(Signature([9; 64]))
        }
    }

    fn key(key: u8) -> u64 {
        Address([key; 32]).prefix()
    }

    fn entry(owner: Address, account: u8, before: u64, after: u64) -> AccountBalance {
        AccountBalance { owner, account: key(account), before, after }
    }

    #[test]
    fn accounts_that_open_close_and_change_are_told_and_others_not() {
        let before = [
            balance(0, COIN, Some(ANN), 5),
            balance(1, COIN, Some(BOB), 6),
            balance(2, COIN, Some(BOB), 7),
            balance(3, COIN, None, 8),
        ];
        let after =
            [balance(0, COIN, Some(ANN), 9), balance(2, COIN, Some(BOB), 7), balance(4, COIN, Some(BOB), 2)];
        let found = balances(&transaction(&before, &after), &[about(COIN), about(COIN)]);
        let [found] = &found[..] else { panic!("{found:?}") };
        assert_eq!(found.balances, [entry(ANN, 0, 5, 9), entry(BOB, 1, 6, 0), entry(BOB, 4, 0, 2)]);
        assert_eq!(found.origin.id.to_string(), "5-3-65535-0");
        assert_eq!((found.origin.block_time, found.origin.received_at), (11, Some(12)));
    }

    #[test]
    fn who_traded_is_told_also_if_nothing_is_left_of_it() {
        let trade = |trader| {
            let Event::Chain(event) = about(COIN) else { panic!() };
            Event::Chain(ChainEvent::Trade(Trade {
                origin: *event.origin(),
                program: Program::Pump,
                pool: OTHER,
                mint: COIN,
                quote_mint: Address::WSOL,
                quote_known: true,
                trader,
                trader_kind: TraderKind::Signer,
                side: Side::Buy,
                base_amount: 4,
                base_user: 4,
                base_user_known: false,
                quote_amount: 4,
                quote_user: None,
                base_decimals: 6,
                quote_decimals: 9,
                spot_before: None,
                spot_after: None,
                base_reserve: None,
                quote_reserve: None,
                base_supply: None,
                curve: None,
                fees: Fees::default(),
                compute_units: None,
                priority_fee: None,
            }))
        };
        let found = |owner, traders: &[Option<Address>]| {
            let before = [balance(0, COIN, owner, 5), balance(2, COIN, Some(BOB), 7)];
            let after = [balance(0, COIN, owner, 5), balance(2, COIN, Some(BOB), 3)];
            let events: Vec<Event> = traders.iter().map(|trader| trade(*trader)).collect();
            balances(&transaction(&before, &after), &events).remove(0).balances
        };
        let pool = entry(BOB, 2, 7, 3);
        assert_eq!(found(Some(OTHER), &[None]), [pool]);
        assert_eq!(found(Some(ANN), &[Some(ANN), Some(ANN)]), [entry(ANN, 0, 5, 5), pool]);
        assert_eq!(found(Some(OTHER), &[Some(ANN)]), [entry(ANN, 0, 0, 0), pool]);
        assert_eq!(found(None, &[Some(ANN)]), [pool], "the account of unknown owner may be hers");
    }

    #[test]
    fn an_account_that_changes_hands_leaves_one_owner_and_comes_to_the_other() {
        let tx = transaction(&[balance(0, COIN, Some(ANN), 5)], &[balance(0, COIN, Some(BOB), 5)]);
        let found = balances(&tx, &[about(COIN)]);
        assert_eq!(found[0].balances, [entry(ANN, 0, 5, 0), entry(BOB, 0, 0, 5)]);
    }

    #[test]
    fn every_token_that_an_event_is_about_has_a_place_of_its_own() {
        let after = [
            balance(0, COIN, Some(ANN), 1),
            balance(1, Address::WSOL, Some(ANN), 1),
            balance(2, OTHER, Some(ANN), 1),
        ];
        let tx = transaction(&[], &after);
        let ids = |events: &[Event]| -> Vec<(Address, i16)> {
            balances(&tx, events).iter().map(|found| (found.mint, found.origin.id.inner_ix)).collect()
        };
        assert_eq!(ids(&[about(COIN), about(Address::WSOL), about(OTHER)]), [(COIN, 1), (OTHER, 0)]);
        assert_eq!(ids(&[about(COIN)]), [(COIN, 1)], "whatever else is decoded");
        assert_eq!(ids(&[about(Address([3; 32]))]), [], "no balance, no event");
    }
}
