-- Where do few wallets hold most of a token that is worth something?
-- Parameters: top10_min.
SELECT c.mint, c.holders, c.top10_pct, c.gini, c.nakamoto, t.market_cap_usd, t.dev_hold_pct
FROM concentration AS c
INNER JOIN tokens AS t ON t.mint = c.mint
WHERE c.top10_pct >= {top10_min:Float64} AND t.market_cap_usd IS NOT NULL
ORDER BY t.market_cap_usd DESC, c.mint
LIMIT 50
