SELECT mint, txns, filtered_txns, 100.0 * (1.0 - 1.0 * filtered_volume_quote / volume_quote) AS pct
FROM token_stats WHERE window = '24h' AND volume_quote > 0 AND filtered_txns < txns ORDER BY pct DESC, mint LIMIT {limit}
