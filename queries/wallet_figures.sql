-- Which wallets made most SOL by closing positions this week, and how steadily? Tokens that were not paid in SOL alone
-- are left out, and counted.
-- Parameters: limit.
SELECT
    trader,
    toFloat64(wallet_stats.realised_sol) / 1e9 AS made_sol,
    closed_sol,
    win_rate_sol,
    profit_factor_sol,
    positions_left_out_sol,
    toFloat64(median_hold_ms) / 1000 AS median_hold_s,
    top_token_share
FROM wallet_stats
WHERE period = '7d' AND closed_sol > 0
ORDER BY made_sol DESC, trader
LIMIT {limit:UInt32}
