-- Who bought a token in the minutes before its steepest minute, that of its launch left out?
-- Parameters: mint, minutes.
WITH (
    SELECT argMax(open_time, (close / open, open_time))
    FROM candles
    WHERE series = 'primary' AND interval = '1m' AND id = {mint:String} AND open > 0
        AND open_time > (SELECT min(open_time) FROM candles WHERE series = 'primary' AND interval = '1m' AND id = {mint:String})
) AS pump
SELECT
    trader,
    min(block_time) AS first_bought_at,
    sum(quote_amount) / 1e9 AS bought_coins,
    count() AS buys,
    max(has(splitByChar(',', ifNull(labels, '')), 'sniper')) AS is_sniper
FROM trades
WHERE mint = {mint:String} AND side = 'buy'
    AND block_time < pump AND block_time >= pump - toIntervalMinute({minutes:UInt32})
GROUP BY trader
ORDER BY bought_coins DESC, trader
