-- How did the newest tokens start: trades, buyers and SOL of their first minute?
-- Parameters: limit.
SELECT
    l.mint AS mint,
    l.at AS launched_at,
    count() AS trades,
    uniqExactIf(t.trader, t.side = 'buy') AS buyers,
    sumIf(t.quote_amount, t.side = 'buy') / 1e9 AS bought_coins,
    argMax(t.spot_price, t.event_id) / argMin(t.spot_price, t.event_id) AS price_multiple
FROM lifecycle AS l
INNER JOIN trades AS t ON t.mint = l.mint
WHERE l.kind = 'created' AND t.block_time < l.at + toIntervalMinute(1)
GROUP BY mint, launched_at
ORDER BY launched_at DESC, mint
LIMIT {limit:UInt32}
