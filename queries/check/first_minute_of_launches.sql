WITH first AS (
    SELECT t.*, l.at FROM trades t JOIN lifecycle l ON l.mint = t.mint AND l.kind = 'created' WHERE t.block_time < l.at + 60000)
SELECT mint, strftime('%Y-%m-%d %H:%M:%f', at / 1000.0, 'unixepoch'), count(*), count(DISTINCT CASE side WHEN 'buy' THEN trader END),
       ifnull(sum(CASE side WHEN 'buy' THEN quote_amount END), 0) / 1e9,
       (SELECT spot_price FROM first x WHERE x.mint = first.mint AND spot_price IS NOT NULL ORDER BY event_id DESC LIMIT 1)
       / (SELECT spot_price FROM first x WHERE x.mint = first.mint AND spot_price IS NOT NULL ORDER BY event_id LIMIT 1)
FROM first GROUP BY mint, at ORDER BY at DESC, mint LIMIT {limit}
