-- Who took the most SOL out of the market, after what they put in? What they still hold is not counted.
-- Parameters: limit.
SELECT
    trader,
    sum(if(side = 'sell', toInt64(quote_user), -toInt64(quote_user))) / 1e9 AS net_sol,
    count() AS trades,
    uniqExact(mint) AS mints,
    countIf(side = 'sell') AS sells
FROM trades
WHERE quote_mint = 'So11111111111111111111111111111111111111112' AND trader IS NOT NULL
GROUP BY trader
ORDER BY net_sol DESC, trader
LIMIT {limit:UInt32}
