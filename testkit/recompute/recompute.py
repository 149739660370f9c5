#!/usr/bin/env python3
"""Works out the tables of a replay again, from its trades alone, and compares them.

    millrace replay coins.jsonl --source trades --quotes sol.jsonl --out result
    recompute.py result --captures coins.jsonl --quotes sol.jsonl

It shares no code with the pipeline and needs nothing but Python 3. Every difference is printed with its table,
key and column; the exit code is 1 if there is any. Counts and amounts must be equal, other numbers within some
roundings (1e-12) of each other.

    millrace replay transactions/ --out result
    recompute.py result --transactions transactions/

    recompute.py --make-quotes coins.jsonl > sol.jsonl

makes up prices of SOL for captures: one for most seconds in which a coin was traded, and none for some.
"""

import argparse
import json
import sys
from pathlib import Path

import candles
import facts
import holders
import transactions
import wallets
import windows

SHOWN = 20


class Differences:
    """What was compared and what was not equal."""

    def __init__(self):
        self.compared, self.count = {}, 0

    def tell(self, text):
        self.count += 1
        if self.count <= SHOWN:
            print(text)

    def table(self, name, expected, found):
        """Rows by key: of each expected column."""
        for key in sorted(expected.keys() - found.keys(), key=str):
            self.tell(f"{name} {key}: the row is missing")
        for key in sorted(found.keys() - expected.keys(), key=str):
            self.tell(f"{name} {key}: a row too many")
        cells = 0
        for key in expected.keys() & found.keys():
            for column, value in expected[key].items():
                cells += 1
                if not is_same(value, found[key].get(column, "no such column")):
                    self.tell(f"{name} {key} {column}: {found[key].get(column)!r} should be {value!r}")
        rows, before = self.compared.get(name, (0, 0))
        self.compared[name] = (rows + len(expected), before + cells)


def is_same(one, other):
    if isinstance(one, float) and isinstance(other, (int, float)):
        return abs(one - other) <= 1e-12 * max(abs(one), abs(other))
    return type(one) is type(other) and one == other


def by(rows, *names):
    return {tuple(row[name] for name in names) if len(names) > 1 else row[names[0]]: row for row in rows}


def compare(folder, quotes, captures, recorded):
    read = lambda name: facts.rows(folder / f"{name}.jsonl")
    trades, told = facts.read(folder, quotes), Differences()
    now = max(row["as_of"] for row in read("trades")) // 1_000_000
    if captures:
        seen, rows = facts.of_captures(captures), facts.of_rows(trades)
        for swap in list((seen - rows).keys())[:3] + list((rows - seen).keys())[:3]:
            told.tell(f"trades: the capture and the rows do not agree on {swap}")
        told.compared["captures"] = (len(rows), len(rows))
    told.table("trades", {t.id: of_trade(t) for t in trades}, by(read("trades"), "event_id"))
    compare_candles(told, trades, now, read("candles"))
    rows = by(read("token_stats"), "mint", "window")
    expected = windows.windows(trades, now, {name for _, name in rows})
    single = {mint for mint, _ in expected}
    told.table("token_stats", expected, {key: row for key, row in rows.items() if key[0] in single})
    balances, unclear = transactions.read(recorded, trades) if recorded else ({}, set())
    compare_wallets(told, trades, (balances, unclear), now, read)
    compare_holders(told, [trade for trade in trades if trade.mint not in unclear], balances, read)
    for name, (rows, cells) in told.compared.items():
        print(f"{name}: {rows} rows, {cells} values")
    print(f"{told.count} differences" if told.count else "all equal")
    return 1 if told.count else 0


def of_trade(trade):
    return {
        "price": trade.price(),
        "price_ok": None if trade.price() is None else trade.price_ok,
        "value_usd": None if None in (trade.usd, trade.price()) else trade.micros(trade.quote) / 1e6,
    }


def compare_candles(told, trades, now, rows):
    pools = {}
    for trade in trades:
        if trade.is_known:
            pools.setdefault(trade.mint, set()).add(trade.pool)
    expected = candles.candles(trades, now, {row["interval"] for row in rows})
    of_pools = {(row["id"], row["interval"], row["open_time"]): row for row in rows if row["series"] == "pool"}
    told.table("candles", expected, of_pools)
    for series in ("primary", "all"):
        # A token that has no pool of its own has no such row, and one that it has is of none of the bars.
        of_token = lambda row: pools.get(row["id"], {row["id"]})
        of_series = {
            (next(iter(of_token(row))), row["interval"], row["open_time"]): row
            for row in rows
            if row["series"] == series and len(of_token(row)) == 1
        }
        single = {next(iter(found)) for found in pools.values() if len(found) == 1}
        told.table("candles", {key: row for key, row in expected.items() if key[0] in single}, of_series)


def compare_wallets(told, trades, balances, now, read):
    balances, unclear = balances
    found, latest = wallets.positions(trades, balances), {}
    # A wallet with an unclear token is unclear as a whole.
    traders = {trader for trader, mint in found if mint in unclear}
    found = {key: position for key, position in found.items() if key[0] not in traders}
    rows = lambda name: [row for row in read(name) if row["trader"] not in traders]
    pools = {}
    for trade in (trade for trade in trades if trade.is_known):
        pools.setdefault(trade.mint, set()).add(trade.pool)
        if trade.is_clean():
            latest[trade.mint] = trade
    tokens = by(read("tokens"), "mint")
    expected = {}
    for (trader, mint), position in found.items():
        if position.is_gone(now):
            continue
        token, last = tokens.get(mint, {"quote_mint": None, "price_usd": None}), latest.get(mint)
        # Which pool speaks for a token of several is another question.
        price = token["price"] if len(pools.get(mint, ())) > 1 else last and last.price()
        price = price if token["quote_mint"] == position.quote_mint else None
        expected[trader, mint] = position.row(price, token["price_usd"])
    told.table("wallet_positions", expected, by(rows("wallet_positions"), "trader", "mint"))
    told.table("wallet_stats", wallets.stats(found, now), by(rows("wallet_stats"), "trader", "period"))


def compare_holders(told, trades, balances, read):
    rows = read("holders")
    trades = [trade for trade in trades if trade.mint not in facts.CURRENCIES]
    kinds = {(row["mint"], row["owner"]): row["kind"] for row in rows}
    largest, spread = holders.holders(trades, kinds, balances)
    mints = {mint for mint in spread}
    told.table("holders", largest, {key: row for key, row in by(rows, "mint", "owner").items() if key[0] in mints})
    rows = by(read("concentration"), "mint")
    told.table("concentration", spread, {mint: row for mint, row in rows.items() if mint in mints})


def make_quotes(captures):
    seconds = {swap[2] for swap in facts.of_captures(captures)}
    for at in sorted(second for second in seconds if second // 90 % 5):
        print(json.dumps({"symbol": "SOL", "usd": 100 + at % 50, "publish_time": at, "source": "made_up"}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", help="what `millrace replay --out` has written")
    parser.add_argument("--quotes", type=Path, help="the prices that the replay was given")
    parser.add_argument("--captures", type=Path, help="the captures that the replay read")
    parser.add_argument("--transactions", type=Path, help="the folder of transactions that the replay read")
    parser.add_argument("--make-quotes", type=Path, metavar="CAPTURES", help="print prices for captures and end")
    arguments = parser.parse_args()
    if arguments.make_quotes:
        make_quotes(arguments.make_quotes)
        return 0
    if arguments.folder is None:
        parser.error("name the folder of a replay")
    return compare(arguments.folder, arguments.quotes, arguments.captures, arguments.transactions)


if __name__ == "__main__":
    sys.exit(main())
