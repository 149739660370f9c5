-- What did the wallets of each list buy and sell in the last minutes, token by token?
-- Parameters: minutes, limit.
SELECT
    list,
    mint,
    uniqExactIf(trader, side = 'buy') AS buyers,
    uniqExactIf(trader, side = 'sell') AS sellers,
    sum(if(side = 'buy', value_usd, -value_usd)) AS netflow_usd
FROM smart_matches
WHERE block_time > (SELECT max(block_time) FROM trades) - toIntervalMinute({minutes:UInt32})
GROUP BY list, mint
ORDER BY netflow_usd DESC, list, mint
LIMIT {limit:UInt32}
