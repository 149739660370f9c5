-- Who made most SOL by selling what they had bought? A sale of tokens that were never seen bought counts for nothing, so
-- nobody leads by one. What wallets still hold is not counted; positions that were closed 90 days ago are gone.
-- Parameters: limit.
SELECT
    trader,
    toFloat64(sum(realised_quote)) / 1e9 AS realised_sol,
    sum(buys) AS bought,
    sum(sells) AS sold,
    count() AS mints
FROM wallet_positions
WHERE quote_mint = 'So11111111111111111111111111111111111111112' AND buys > 0 AND sells > 0
GROUP BY trader
ORDER BY realised_sol DESC, trader
LIMIT {limit:UInt32}
