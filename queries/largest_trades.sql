-- The largest trades of the last minutes of event time.
-- Parameters: minutes, limit.
SELECT block_time, mint, trader, side, value_usd, price_usd, commitment, event_id
FROM trades
WHERE block_time > (SELECT max(block_time) FROM trades) - toIntervalMinute({minutes:UInt32}) AND value_usd IS NOT NULL
ORDER BY value_usd DESC, event_id
LIMIT {limit:UInt32}
