-- How did a token trade before and after it left its curve? Its primary series goes on across the migration.
-- Parameters: mint.
SELECT
    c.open_time, c.open, c.high, c.low, c.close,
    toFloat64(c.volume_quote) / pow(10, 9) AS volume_coins,
    c.trades,
    c.open_time >= t.migrated_at AS is_after_migration
FROM candles AS c
INNER JOIN tokens AS t ON t.mint = c.id
WHERE c.series = 'primary' AND c.interval = '1m' AND c.id = {mint:String}
ORDER BY c.open_time
