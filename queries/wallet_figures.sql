-- Which wallets made most by closing positions this week, and how steadily?
-- Parameters: limit.
SELECT
    trader,
    toFloat64(realised_quote) / 1e9 AS realised_sol,
    closed,
    win_rate,
    profit_factor,
    toFloat64(median_hold_ms) / 1000 AS median_hold_s,
    top_token_share
FROM wallet_stats
WHERE period = '7d' AND closed > 0
ORDER BY realised_sol DESC, trader
LIMIT {limit:UInt32}
