-- Up to when are the tables whole, and when did each change last? In event time.
SELECT record, rows, changed_at, dateDiff('second', changed_at, whole_to) AS behind_s
FROM (
    SELECT 'trades' AS record, count() AS rows, max(as_of) AS changed_at FROM trades
    UNION ALL SELECT 'candles', count(), max(as_of) FROM candles
    UNION ALL SELECT 'token_stats', count(), max(as_of) FROM token_stats
    UNION ALL SELECT 'tokens', count(), max(as_of) FROM tokens
    UNION ALL SELECT 'holders', count(), max(as_of) FROM holders
    UNION ALL SELECT 'labels', count(), max(as_of) FROM labels
) AS tables
CROSS JOIN (SELECT fromUnixTimestamp64Micro(toInt64(max(frontier)), 'UTC') AS whole_to FROM _progress) AS progress
ORDER BY record
