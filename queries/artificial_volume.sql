-- Which tokens owe their volume to marked trades (wash trading, bots, sandwiches)?
-- Parameters: limit.
SELECT mint, txns, filtered_txns, 100 * (1 - toFloat64(filtered_volume_quote) / toFloat64(volume_quote)) AS artificial_pct
FROM token_stats
WHERE window = '24h' AND volume_quote > 0 AND filtered_txns < txns
ORDER BY artificial_pct DESC, mint
LIMIT {limit:UInt32}
