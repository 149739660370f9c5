"""`holders` and `concentration`: a balance for each owner.

A balance that a transaction tells counts; of a trade whose transaction tells none, what it brought or took does.
Source: DEFINITIONS §6.
"""

from collections import defaultdict

TOP = 20


def holders(trades, kinds, told):
    """The largest owners by token and owner, and how the holdings of each token are spread.

    `kinds` says who some owners are: who is no holder cannot be told from trades.
    """
    held, supplies, last, accounts = defaultdict(lambda: defaultdict(int)), {}, {}, {}
    for trade in trades:
        last[trade.mint] = trade
        if trade.supply:
            supplies[trade.mint] = min(trade.supply, supplies.get(trade.mint, trade.supply))
        of_tx = told.get((trade.row["signature"], trade.mint))
        if of_tx:
            for (owner, account), (_, after) in of_tx.accounts.items():
                accounts.setdefault((trade.mint, owner), {})[account] = after
                held[trade.mint][owner] = sum(accounts[trade.mint, owner].values())
        elif trade.trader is not None:
            balance = held[trade.mint][trade.trader]
            change = trade.base_user if trade.is_buy else -trade.base_user
            held[trade.mint][trade.trader] = max(0, balance + change)
    largest, spread = {}, {}
    for mint in last:
        owners = {owner: balance for owner, balance in held[mint].items() if balance}
        order = sorted(owners, key=lambda owner: (-owners[owner], decoded(owner)))
        supply = supplies.get(mint)
        for rank, owner in enumerate(order[:TOP], 1):
            row = {"balance": str(owners[owner]), "rank": rank}
            if kinds.get((mint, owner)) != "burn":
                row["share_pct"] = 100.0 * (min(owners[owner], supply) / supply) if supply else None
            largest[mint, owner] = row
        is_holder = lambda owner: kinds.get((mint, owner), "wallet") in ("wallet", "creator")
        spread[mint] = concentration([owners[o] for o in order if is_holder(o)], [owners[o] for o in order], supply)
    return largest, spread


def concentration(held, raw, supply):
    """Of balances, the largest first."""
    count, whole = len(held), sum(held)
    top = lambda some: 100.0 * (min(sum(some[:10]), supply) / supply) if supply else None
    weighted = sum(place * balance for place, balance in enumerate(reversed(held), 1))
    nakamoto, most = None, 0
    for place, balance in enumerate(held, 1):
        most += balance
        if most * 2 > whole:
            nakamoto = place
            break
    return {
        "holders": count,
        "holders_raw": len(raw),
        "top10_pct": top(held),
        "top10_pct_raw": top(raw),
        "gini": (2 * weighted - (count + 1) * whole) / (count * whole) if whole else None,
        "hhi": 10_000.0 * (sum(balance * balance for balance in held) / whole**2) if whole else None,
        "nakamoto": nakamoto,
    }


DIGITS = {digit: value for value, digit in enumerate("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")}


def decoded(address):
    """The number that an address spells: of equal balances the lesser address comes first."""
    number = 0
    for digit in address:
        number = number * 58 + DIGITS[digit]
    return number
