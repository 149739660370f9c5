"""`wallet_positions` and `wallet_stats`: average cost, token by token, folded from the first trade on.

Sources: DEFINITIONS §9; a share is one division of whole numbers, rounded down. A transfer is what a transaction
did to a balance beyond its trades; where no balances are told there are none.
"""

import math
from collections import defaultdict

from facts import CURRENCIES, WSOL

DAY = 86_400
PERIODS = {"1d": 1, "7d": 7, "30d": 30, "90d": 90, "all": None}


class Book:
    """A ledger in one currency."""

    def __init__(self):
        self.cost = self.invested = self.sold_cost = self.made = self.unmatched = self.proceeds = 0
        self.of_episode = [0, 0]  # cost and profit since it was opened

    def sell(self, got, base, matched, held):
        cost = self.cost * matched // held if held else 0
        of_matched = got * matched // base if base else got
        self.cost -= cost
        self.sold_cost += cost
        self.made += of_matched - cost
        self.unmatched += got - of_matched
        self.proceeds += got
        self.of_episode[0] += cost
        self.of_episode[1] += of_matched - cost
        return {"cost": cost, "made": of_matched - cost, "unmatched": got - of_matched, "got": got}


class Position:
    """What a wallet has of a token."""

    def __init__(self, trades, told):
        self.quote, self.usd = Book(), Book()
        self.moved_in = self.moved_out = 0
        self.quantity = self.peak = self.unmatched = self.bought_at_ms = self.aged = self.aged_now = 0
        self.buys = self.sells = 0
        self.opened_at = self.closed_at = None
        self.done, self.closings = [], []
        self.mint, self.last = trades[0].mint, trades[-1]
        mints = {trade.quote_mint for trade in trades}
        self.quote_mint = next(iter(mints)) if len(mints) == 1 and mints <= set(CURRENCIES) else None
        self.has_usd = all(trade.usd is not None for trade in trades)
        for at, trade in enumerate(trades):
            self.take(trade)
            signature = trade.row["signature"]
            if at + 1 == len(trades) or trades[at + 1].row["signature"] != signature:
                self.move(told.get((signature, trade.mint)), trade.trader, trades, trade)

    def move(self, told, owner, trades, last):
        """Takes in what the transaction of a trade did to the balance beyond its trades."""
        if told is None or told.is_plain():
            return
        of_tx = [trade for trade in trades if trade.row["signature"] == last.row["signature"]]
        traded = sum(trade.base_user if trade.is_buy else -trade.base_user for trade in of_tx)
        moved = told.changes().get(owner, 0) - traded
        self.moved_in += max(0, moved)
        self.moved_out += max(0, -moved)
        gone = min(max(0, -moved), self.quantity)
        for book in (self.quote, self.usd):
            book.cost -= book.cost * gone // self.quantity if self.quantity else 0
        self.quantity -= gone
        self.end(last.time)

    def take(self, trade):
        usd = trade.micros(trade.quote_user) or 0
        done = {"time": trade.time, "paid": 0, "quote": None, "usd": None}
        if trade.is_buy:
            self.buy(trade, usd)
            done["paid"] = trade.quote_user
        else:
            self.sells += 1
            held, matched = self.quantity, min(trade.base_user, self.quantity)
            done["quote"] = self.quote.sell(trade.quote_user, trade.base_user, matched, held)
            done["usd"] = self.usd.sell(usd, trade.base_user, matched, held)
            age = done["quote"]["cost"] * max(0, trade.time * 1000 - self.bought_at_ms)
            self.aged += age
            self.aged_now += age
            self.quantity -= matched
            self.unmatched += trade.base_user - matched
        self.done.append(done)
        self.end(trade.time)

    def end(self, time):
        """Ends an episode of which next to nothing is left."""
        if self.peak and self.quantity <= max(1, self.peak // 1000):
            self.close(time)

    def buy(self, trade, usd):
        self.buys += 1
        if self.peak == 0 and trade.base_user:
            self.opened_at, self.closed_at, self.aged_now = trade.time, None, 0
            self.quote.of_episode, self.usd.of_episode = [0, 0], [0, 0]
        whole = self.quote.cost + trade.quote_user
        if whole:
            ages = self.quote.cost * self.bought_at_ms + trade.quote_user * trade.time * 1000
            self.bought_at_ms = ages // whole
        for book, paid in ((self.quote, trade.quote_user), (self.usd, usd)):
            book.cost += paid
            book.invested += paid
        self.quantity += trade.base_user
        self.peak = max(self.peak, self.quantity)

    def close(self, time):
        self.peak, self.closed_at = 0, time
        cost, made = self.quote.of_episode
        self.closings.append({
            "time": time,
            "quote": made,
            "usd": self.usd.of_episode[1],
            "hold_s": self.aged_now // cost // 1000 if cost else 0,
            "log_return": log_return(cost, made),
        })

    def is_gone(self, now):
        """Closed, and older than any period: such a position has no row."""
        last = max(d["time"] for d in self.done + self.closings)
        return self.peak == 0 and last // DAY < now // DAY - 90

    def row(self, price, price_usd):
        """Every column of wallet_positions that trades decide."""
        shift = CURRENCIES.get(self.quote_mint, 6) - self.last.base_decimals
        row = {"quote_mint": self.quote_mint, "quantity": str(self.quantity), "buys": self.buys, "sells": self.sells}
        row |= self.money(self.quote, self.quote_mint is not None, price, shift, "_quote", str)
        row |= self.money(self.usd, self.has_usd, price_usd, 6 - self.last.base_decimals, "_usd", lambda n: n / 1e6)
        is_known = self.quote_mint is not None and self.quote.sold_cost
        return row | {
            "unmatched": str(self.unmatched),
            "unmatched_in": str(self.moved_in),
            "moved_out": str(self.moved_out),
            "hold_ms": self.aged // self.quote.sold_cost if is_known else None,
            "opened_at": milliseconds(self.opened_at),
            "closed_at": milliseconds(self.closed_at),
        }

    def money(self, book, is_known, price, shift, suffix, write):
        names = ["cost", "realised", "unrealised", "total", "invested", "roi", "realised_roi"]
        if not is_known:
            return {name + suffix: None for name in names}
        worth = None
        if self.peak == 0:
            worth = 0
        elif price is not None:
            coins = float(self.quantity) * price
            worth = half_away(coins * 10.0**shift if shift >= 0 else coins / 10.0**-shift)
        unrealised = None if worth is None else worth - book.cost
        total = None if unrealised is None else unrealised + book.made
        none = lambda value: None if value is None else write(value)
        figures = [
            write(book.cost), write(book.made), none(unrealised), none(total), write(book.invested),
            None if total is None else ratio(total, book.invested), ratio(book.made, book.sold_cost),
        ]
        return {name + suffix: figure for name, figure in zip(names, figures)}


def half_away(value):
    """The nearest whole number; of two the one further from zero."""
    return math.floor(abs(value) + 0.5) * (1 if value >= 0 else -1) if abs(value) < 2**52 else int(value)


def milliseconds(time):
    return None if time is None else time * 1000


def ratio(part, whole):
    return float(part) / float(whole) if whole else None


def log_return(cost, made):
    if not cost:
        return None
    factor = min(max(float(cost + made) / float(cost), 0.001), 1000.0)
    return half_away(math.log(factor) * 1e6)


def positions(trades, told):
    """By wallet and token. `told` are balances by signature and token."""
    entries = defaultdict(list)
    for trade in trades:
        if trade.trader is not None and trade.mint not in CURRENCIES:
            entries[trade.trader, trade.mint].append(trade)
    return {key: Position(of_key, told) for key, of_key in entries.items()}


def group(positions, book, start):
    """The figures of some tokens, all over the same ones."""
    closings = [c for p in positions for c in p.closings if c["time"] >= start]
    sales = [d[book] for p in positions for d in p.done if d["time"] >= start and d[book]]
    made = [closing[book] for closing in closings]
    wins, losses = [m for m in made if m > 0], [m for m in made if m < 0]
    realised = sum(sale["made"] for sale in sales)
    return {
        "closed": len(closings),
        "wins": len(wins),
        "losses": len(losses),
        "win_rate": ratio(len(wins), len(wins) + len(losses)),
        "realised": realised,
        "profit_factor": ratio(sum(wins), -sum(losses)),
        "roi": ratio(realised, sum(sale["cost"] for sale in sales)),
        "no_loss": not losses,
    }


def stats(positions, now):
    """By wallet and period."""
    wallets = defaultdict(list)
    for (trader, _), position in positions.items():
        wallets[trader].append(position)
    found = {}
    for trader, of_wallet in wallets.items():
        for period, days in PERIODS.items():
            start = 0 if days is None else now // DAY * DAY - days * DAY
            start = now // 3600 * 3600 - DAY if days == 1 else start
            row = figures(of_wallet, start)
            if row:
                found[trader, period] = row
    return found


def figures(positions, start):
    here = [p for p in positions if any(d["time"] >= start for d in p.done + p.closings)]
    done = [d for p in here for d in p.done if d["time"] >= start]
    if not here:
        return None
    sol = [p for p in here if p.quote_mint == WSOL]
    usd = [p for p in here if p.has_usd]
    closings = lambda some: [c for p in some for c in p.closings if c["time"] >= start]
    is_whole = not closings([p for p in here if p.quote_mint != WSOL and not p.has_usd])
    row = {
        "since": min(d["time"] for p in here for d in p.done + p.closings if d["time"] >= start) // 3600 * 3_600_000,
        "trades": len(done),
        "closed": len(closings(here)),
        "positions_left_out_sol": len(here) - len(sol),
        "positions_left_out_usd": len(here) - len(usd),
    }
    for name, some, book in (("sol", sol, "quote"), ("usd", usd, "usd")):
        of_group = group(some, book, start)
        if not is_whole:
            of_group |= {"profit_factor": None, "roi": None, "no_loss": None}
        row |= {f"{key}_{name}": value for key, value in of_group.items()}
    row["realised_sol"] = str(row["realised_sol"])
    row["realised_usd"] /= 1e6
    holds = sorted(rounded(c["hold_s"]) for c in closings([p for p in here if p.quote_mint]))
    of_sol = [d for p in sol for d in p.done if d["time"] >= start and d["quote"]]
    made = [sum(d["quote"]["made"] for d in p.done if d["time"] >= start and d["quote"]) for p in sol]
    returns = [c["log_return"] for c in closings(sol) if c["log_return"] is not None]
    days = {d["time"] // DAY for d in done}
    row |= {
        "median_hold_ms": holds[(len(holds) - 1) // 2] * 1000 if holds else None,
        "trades_per_day": ratio(len(done), len(days)),
        "distinct_mints": sum(any(d["time"] >= start for d in p.done) for p in here),
        "active_days": len(days),
        "top_token_share": ratio(max([*made, 0]), sum(m for m in made if m > 0)),
        "unmatched_share": ratio(sum(d["quote"]["unmatched"] for d in of_sol), sum(d["quote"]["got"] for d in of_sol)),
        "mean_log_return": ratio(sum(returns), len(returns) * 1_000_000),
    }
    return row | equity(sol, start, len(days))


def rounded(seconds):
    """Whole seconds; from a minute on the leading six bits."""
    shift = max(0, seconds.bit_length() - 6)
    return seconds >> shift << shift


def equity(positions, start, active_days):
    """Daily returns on the most that was paid on one day. Source: DEFINITIONS §9."""
    nothing = {"sharpe": None, "sortino": None, "max_drawdown": None}
    days = defaultdict(lambda: [0, 0])
    for d in (d for p in positions for d in p.done if d["time"] >= start):
        days[d["time"] // DAY][0] += d["paid"]
        days[d["time"] // DAY][1] += d["quote"]["made"] if d["quote"] else 0
    capital = max((paid for paid, _ in days.values()), default=0)
    if active_days < 20 or not capital:
        return nothing
    values = [capital]
    for day in range(min(days), max(days) + 1):
        values.append(values[-1] + (days[day][1] if day in days else 0))
    peak, drawdown = capital, 0.0
    for value in values:
        peak = max(peak, value)
        drawdown = max(drawdown, 1.0 - value / peak)
    nothing["max_drawdown"] = drawdown
    if min(values[:-1]) <= 0:
        return nothing
    returns = [(after - before) / before for before, after in zip(values, values[1:])]
    count, mean = len(returns), sum(returns) / len(returns)
    deviation = math.sqrt(sum((r - mean) ** 2 for r in returns) / (count - 1)) if count > 1 else 0
    down = math.sqrt(sum(min(r, 0) ** 2 for r in returns) / count)
    over = lambda by: mean / by * math.sqrt(365) if by > 0 else None
    return {"sharpe": over(deviation), "sortino": over(down), "max_drawdown": drawdown}
