SELECT trader, sum(realised_quote) / 1e9 AS sol, sum(buys), sum(sells), count(*)
FROM wallet_positions
WHERE quote_mint = 'So11111111111111111111111111111111111111112' AND buys > 0 AND sells > 0
GROUP BY trader ORDER BY sol DESC, trader LIMIT {limit}
