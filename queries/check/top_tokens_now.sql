SELECT s.mint, t.symbol, t.status, s.txns, s.makers, s.volume_usd, s.price_change_pct, t.market_cap_usd, t.liquidity_usd
FROM token_stats s, tokens t
WHERE t.mint = s.mint AND s.window = '1h' AND s.volume_usd > 0
ORDER BY s.volume_usd DESC, s.mint LIMIT {limit}
