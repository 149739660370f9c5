SELECT mint, strftime('%Y-%m-%d %H:%M:%f', open_time / 1000.0, 'unixepoch'), rsi14, macd_hist FROM (
    SELECT *, row_number() OVER (PARTITION BY mint ORDER BY open_time DESC) AS i
    FROM indicators WHERE interval = '1m' AND NOT provisional AND rsi14 IS NOT NULL)
WHERE i = 1 AND rsi14 <= {rsi_max} ORDER BY rsi14, mint
