WITH t(record, n, at) AS (
    SELECT 'trades', count(*), max(as_of) FROM trades UNION ALL SELECT 'candles', count(*), max(as_of) FROM candles
    UNION ALL SELECT 'token_stats', count(*), max(as_of) FROM token_stats UNION ALL SELECT 'tokens', count(*), max(as_of) FROM tokens
    UNION ALL SELECT 'holders', count(*), max(as_of) FROM holders UNION ALL SELECT 'labels', count(*), max(as_of) FROM labels)
SELECT record, n, strftime('%Y-%m-%d %H:%M:%S', at / 1000000, 'unixepoch') || printf('.%06d', at % 1000000),
       (SELECT frontier / 1000000 FROM _progress) - at / 1000000
FROM t ORDER BY record
