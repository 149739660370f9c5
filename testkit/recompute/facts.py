"""Facts: trades and prices of quote tokens, read from files, judged and valued by the definitions.

Nothing of the pipeline is used here. Trades come from the `trades.jsonl` of a replay; with captures beside it,
each trade is held against the capture that it was read from. Whether a price is clean, and what a trade is
worth in USD, is worked out here and held against the rows.

Amounts are whole numbers of raw units. Sources: DEFINITIONS §§1-2.
"""

import json
from bisect import bisect_right
from collections import Counter, defaultdict
from decimal import Decimal
from fractions import Fraction

WSOL = "So11111111111111111111111111111111111111112"
USDC = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
USDT = "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB"
CURRENCIES = {WSOL: 9, USDC: 6, USDT: 6}
CURVES = {"pump", "raydium_launchlab", "meteora_dbc"}
AGE_MAX_S = 60


class Trade:
    """One row of trades. A pair of which nobody knows which token is the money (`is_known` false) is no trade of
    its token: only its pool has candles."""

    def __init__(self, row):
        self.row = row
        self.id = row["event_id"]
        self.place = place(self.id)
        self.time = row["block_time"] // 1000
        self.mint, self.pool, self.quote_mint = row["mint"], row["pool"], row["quote_mint"]
        self.trader, self.is_buy = row["trader"], row["side"] == "buy"
        self.base, self.quote = int(row["base_amount"]), int(row["quote_amount"])
        self.base_user = int(row["base_user"])
        self.quote_user = self.quote if row["quote_user"] is None else int(row["quote_user"])
        self.base_decimals, self.quote_decimals = row["base_decimals"], row["quote_decimals"]
        self.is_known = row["quote_known"]
        self.is_curve = row["program"] in CURVES
        self.supply = None if row["base_supply"] is None else int(row["base_supply"])
        self.usd = None  # of a quote coin, in billionths
        self.price_ok = None

    def price(self):
        """The nearest float to the exact ratio; none if either amount is zero."""
        if not self.base or not self.quote:
            return None
        exact = Fraction(self.quote * 10**self.base_decimals, self.base * 10**self.quote_decimals)
        return exact.numerator / exact.denominator

    def micros(self, quote):
        """An amount of quote in millionths of a USD, rounded down; none without a price."""
        return None if self.usd is None else quote * self.usd // 10**self.quote_decimals // 1000

    def is_dust(self):
        micros = self.micros(self.quote)
        return self.base * 10_000 < 10**self.base_decimals or (micros is not None and micros < 10_000)

    def is_clean(self):
        return self.price_ok and not self.is_dust()


def place(event_id):
    """Canonical order: transactions whose index is not known come after the others of their slot."""
    slot, tx, outer, inner = event_id.split("-", 3)
    is_unknown = tx.startswith("s")
    return int(slot), is_unknown, int(tx[1:], 16) if is_unknown else int(tx), int(outer), int(inner)


def rows(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def read(folder, quotes=None):
    """The trades in canonical order, judged and valued."""
    trades = sorted((Trade(row) for row in rows(folder / "trades.jsonl")), key=lambda trade: trade.place)
    value(trades, rows(quotes) if quotes else [])
    judge(trades)
    return trades


def value(trades, quotes):
    """A coin costs what the last price said that was published before, unless that is old. Dollars are dollars."""
    sol = sorted((quote["publish_time"], round(Decimal(str(quote["usd"])) * 10**9)) for quote in quotes)
    times = [at for at, _ in sol]
    for trade in trades:
        if trade.quote_mint in (USDC, USDT):
            trade.usd = 10**9
        elif trade.quote_mint == WSOL:
            last = bisect_right(times, trade.time) - 1
            if last >= 0 and trade.time - times[last] <= AGE_MAX_S:
                trade.usd = sol[last][1]


def judge(trades):
    """Whether each price is near the median of the clean ones before it, pool by pool."""
    pools = defaultdict(list)
    for trade in trades:
        pools[trade.pool].append(trade)
    for of_pool in pools.values():
        born = next((t.time for t in of_pool if t.price() and t.base * 10_000 >= 10**t.base_decimals), None)
        clean = []
        for trade in of_pool:
            price = trade.price()
            if price is None:
                trade.price_ok = False
                continue
            near = sorted(value for at, value in clean[-21:] if at + 300 >= trade.time)
            factor = 10 if born is None or trade.time < born + 60 else 4
            median = near[(len(near) - 1) // 2] if near else price
            trade.price_ok = median / factor <= price <= median * factor
            row = trade.row
            spots = [row.get("spot_before"), row.get("spot_price")]
            if None not in spots:
                trade.price_ok |= min(spots) / 1.01 <= price <= max(spots) * 1.01
            if trade.price_ok and trade.base * 10_000 >= 10**trade.base_decimals:
                clean.append((trade.time, price))


def of_captures(path):
    """What the captures of coins say: how often each swap was seen."""
    seen = Counter()
    for coin in rows_of_documents(path):
        places = Counter()
        for swap in coin["swaps"]:
            at = places[swap["ts"]]
            places[swap["ts"]] += 1
            trader = swap.get("trader")
            trader = None if trader is None or trader.startswith("RDCT") else trader
            seen[
                coin["mint"], coin["pool"], swap["ts"], at, swap["side"] == "buy",
                int(swap["tokens"].scaleb(6)), int(swap["sol"].scaleb(9)), trader,
            ] += 1
    return seen


def rows_of_documents(path):
    """JSON documents, one a line or any other way; numbers as they are written."""
    text, at = open(path, encoding="utf-8").read(), 0
    decoder = json.JSONDecoder(parse_float=Decimal, parse_int=lambda text: Number(text))
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        document, at = decoder.raw_decode(text, at)
        yield from document if isinstance(document, list) else [document]


class Number(int):
    """A whole number where a decimal one may stand."""

    def scaleb(self, places):
        return Decimal(int(self)).scaleb(places)


def of_rows(trades):
    """The same of the rows of trades."""
    return Counter(
        (t.mint, t.pool, t.time, t.place[3], t.is_buy, t.base, t.quote, t.trader) for t in trades
    )
