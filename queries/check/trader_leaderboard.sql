SELECT trader, sum(CASE side WHEN 'sell' THEN quote_user ELSE -quote_user END) / 1e9 AS net_sol, count(*),
       count(DISTINCT mint), sum(side = 'sell')
FROM trades WHERE quote_mint = 'So11111111111111111111111111111111111111112' AND trader IS NOT NULL
GROUP BY trader ORDER BY net_sol DESC, trader LIMIT {limit}
