SELECT list, mint, count(DISTINCT CASE WHEN side = 'buy' THEN trader END), count(DISTINCT CASE WHEN side = 'sell' THEN trader END),
       sum(CASE WHEN side = 'buy' THEN value_usd ELSE -value_usd END) AS net
FROM smart_matches WHERE block_time > (SELECT max(block_time) FROM trades) - {minutes} * 60000
GROUP BY list, mint ORDER BY net DESC, list, mint LIMIT {limit}
