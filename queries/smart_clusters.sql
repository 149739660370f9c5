-- What did several wallets of a list buy together, the latest first?
-- Parameters: limit.
SELECT
    c.list, c.mint, t.symbol, c.window_start,
    c.count AS wallets,
    toFloat64(c.net_quote) / 1e9 AS net_coins,
    c.historical
FROM smart_clusters AS c
LEFT JOIN tokens AS t ON t.mint = c.mint
ORDER BY c.window_start DESC, c.list, c.mint
LIMIT {limit:UInt32}
