"""`token_stats`: sliding windows that end now, each summed over its trades.

Tokens of one pool only: which currency counts for the others follows from which pool speaks for them. Figures
without marked trades (`filtered_*`) are not worked out. Source: DEFINITIONS §4.
"""

from collections import defaultdict

SECONDS = {
    "1m": 60, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "4h": 14_400, "6h": 21_600, "12h": 43_200,
    "24h": 86_400,
}


def windows(trades, now, names):
    """By token and window."""
    tokens = defaultdict(list)
    for trade in trades:
        if trade.is_known:
            tokens[trade.mint].append(trade)
    found = {}
    for mint, of_mint in tokens.items():
        if len({trade.pool for trade in of_mint}) > 1:
            continue
        for name in names:
            row = window(of_mint, SECONDS[name], now)
            if row:
                found[mint, name] = row
    return found


def window(trades, width, now):
    tick = 1 if width <= 3600 else 10
    start = now // tick * tick - width
    within = lambda first, last: [trade for trade in trades if first < trade.time <= last]
    here, before = within(start, now), within(start - width, start)
    if not here and not before:
        return None
    buys, sells = [t for t in here if t.is_buy], [t for t in here if not t.is_buy]
    names = lambda some: len({trade.trader for trade in some} - {None})
    quote = lambda some: sum(trade.quote for trade in some)
    prices = lambda some: [trade.price() for trade in some if trade.is_clean()]
    is_partial = trades[0].time > start
    then = prices(trades)[:1] if is_partial else prices(within(-1, start))[-1:]
    last = prices(within(-1, now))[-1:]
    values = [trade.micros(trade.quote) for trade in here]
    known = [value for value in values if value is not None]
    dollars = lambda micros: micros / 1e6 if known or not here else None
    of_side = lambda some: sum(trade.micros(trade.quote) or 0 for trade in some)
    change = lambda new, old: 100.0 * (new / old - 1.0) if old else None
    return {
        "txns": len(here),
        "buys": len(buys),
        "sells": len(sells),
        "makers": names(here),
        "buyers": names(buys),
        "sellers": names(sells),
        "net_buyers": str(names(buys) - names(sells)),
        "volume_quote": str(quote(here)),
        "buy_volume_quote": str(quote(buys)),
        "sell_volume_quote": str(quote(sells)),
        "net_volume_quote": str(quote(buys) - quote(sells)),
        "volume_usd": dollars(sum(known)),
        "volume_usd_missing": len(values) - len(known),
        "buy_volume_usd": dollars(of_side(buys)),
        "sell_volume_usd": dollars(of_side(sells)),
        "avg_trade_usd": sum(known) / 1e6 / len(known) if known else None,
        "max_trade_usd": max(known) / 1e6 if known else None,
        "high": max(prices(here), default=None),
        "low": min(prices(here), default=None),
        "price_change_pct": change(last[0], then[0]) if last and then else None,
        "partial": is_partial,
        "prev_txns": len(before),
        "prev_volume_quote": str(quote(before)),
        "txns_change_pct": change(len(here), len(before)),
        "volume_change_pct": change(quote(here), quote(before)),
        "tick_s": tick,
    }
