"""`candles` of pools: every bar folded from its trades.

A bar of a token (series `primary`, `all`) is held against the bar of the pool where the token has one pool only:
which pool speaks for a token of several is another question. Source: DEFINITIONS §3.
"""

from collections import defaultdict
from fractions import Fraction

SECONDS = {
    "1s": 1, "15s": 15, "30s": 30, "1m": 60, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "4h": 14_400,
    "6h": 21_600, "12h": 43_200, "1d": 86_400,
}


def candles(trades, now, intervals):
    """By pool, interval and open time."""
    bars = defaultdict(list)
    for trade in trades:
        for interval in intervals:
            bars[trade.pool, interval, trade.time // SECONDS[interval] * SECONDS[interval] * 1000].append(trade)
    return {key: bar(of_bar, key[2] // 1000 + SECONDS[key[1]] <= now) for key, of_bar in bars.items()}


def average(clean):
    """Quote over base of the clean trades: the nearest float to the exact ratio; none without any."""
    if not clean:
        return None
    last = clean[-1]
    quote, base = sum(trade.quote for trade in clean), sum(trade.base for trade in clean)
    exact = Fraction(quote * 10**last.base_decimals, base * 10**last.quote_decimals)
    return exact.numerator / exact.denominator


def bar(trades, is_closed):
    clean = [trade for trade in trades if trade.is_clean()]
    prices = [trade.price() for trade in clean]
    values = [trade.micros(trade.quote) for trade in trades]
    known = [value for value in values if value is not None]
    quote = lambda some: sum(trade.quote for trade in some)
    buys = [trade for trade in trades if trade.is_buy]
    sells = [trade for trade in trades if not trade.is_buy]
    names = lambda some: len({trade.trader for trade in some} - {None})
    return {
        "open": prices[0] if prices else None,
        "high": max(prices, default=None),
        "low": min(prices, default=None),
        "close": prices[-1] if prices else None,
        "volume_base": str(sum(trade.base for trade in trades)),
        "volume_quote": str(quote(trades)),
        "volume_usd": sum(known) / 1e6 if known else None,
        "volume_usd_missing": len(values) - len(known),
        "buy_volume_quote": str(quote(buys)),
        "sell_volume_quote": str(quote(sells)),
        "trades": len(trades),
        "buys": len(buys),
        "sells": len(sells),
        "traders": names(trades),
        "buyers": names(buys),
        "sellers": names(sells),
        "vwap": average(clean),
        "first_event": trades[0].id,
        "last_event": trades[-1].id,
        "is_closed": is_closed,
    }
