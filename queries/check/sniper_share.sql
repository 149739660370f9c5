SELECT t.mint, count(DISTINCT s.wallet) AS n, 100.0 * sum(CASE WHEN s.wallet IS NULL THEN 0 ELSE t.quote_amount END) / sum(t.quote_amount) AS pct
FROM trades t CROSS JOIN lifecycle l ON l.mint = t.mint AND l.kind = 'created'
LEFT JOIN labels s ON s.subject = t.trader || ':' || t.mint AND s.kind = 'sniper'
WHERE t.side = 'buy' AND t.block_time < l.at + 60000
GROUP BY t.mint HAVING n > 0 ORDER BY pct DESC, t.mint LIMIT {limit}
