WITH pump AS (
    SELECT open_time AS at FROM candles WHERE series = 'primary' AND interval = '1m' AND id = {mint} AND open > 0
      AND open_time > (SELECT min(open_time) FROM candles WHERE series = 'primary' AND interval = '1m' AND id = {mint})
    ORDER BY close / open DESC, open_time DESC LIMIT 1)
SELECT trader, strftime('%Y-%m-%d %H:%M:%f', min(block_time) / 1000.0, 'unixepoch'), sum(quote_amount) / 1e9 AS bought, count(*),
       max(',' || ifnull(labels, '') || ',' LIKE '%,sniper,%')
FROM trades, pump WHERE mint = {mint} AND side = 'buy' AND block_time < at AND block_time >= at - {minutes} * 60000
GROUP BY trader ORDER BY bought DESC, trader
