-- How much of what was traded is not yet final, and how old is it?
SELECT commitment, count() AS trades, sum(value_usd) AS value_usd, max(slot) AS newest_slot, min(slot) AS oldest_slot
FROM trades
GROUP BY commitment
ORDER BY commitment
