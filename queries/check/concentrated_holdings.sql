SELECT c.mint, c.holders, c.top10_pct, c.gini, c.nakamoto, t.market_cap_usd, t.dev_hold_pct
FROM tokens t JOIN concentration c USING (mint)
WHERE c.top10_pct >= {top10_min} AND t.market_cap_usd IS NOT NULL ORDER BY t.market_cap_usd DESC, c.mint LIMIT 50
