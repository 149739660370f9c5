-- Which tokens are traded most right now? By volume in USD of the last hour, with what the hour brought.
-- Parameters: limit.
SELECT s.mint, t.symbol, t.status, s.txns, s.makers, s.volume_usd, s.price_change_pct, t.market_cap_usd, t.liquidity_usd
FROM token_stats AS s
INNER JOIN tokens AS t ON t.mint = s.mint
WHERE s.window = '1h' AND s.volume_usd > 0
ORDER BY s.volume_usd DESC, s.mint
LIMIT {limit:UInt32}
