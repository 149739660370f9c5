-- Which tokens are about to leave their curve?
-- Parameters: progress_min.
SELECT mint, symbol, curve_progress_pct, market_cap_usd, txns_24h, holders, risk
FROM tokens
WHERE status = 'trading' AND curve_progress_pct >= {progress_min:Float64}
ORDER BY curve_progress_pct DESC, mint
LIMIT 50
