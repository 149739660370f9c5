SELECT strftime('%Y-%m-%d %H:%M:%f', block_time / 1000.0, 'unixepoch'), mint, trader, side, value_usd, price_usd, commitment, event_id
FROM trades WHERE block_time > (SELECT max(block_time) FROM trades) - {minutes} * 60000 AND value_usd IS NOT NULL
ORDER BY value_usd DESC, event_id LIMIT {limit}
