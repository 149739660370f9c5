SELECT c.list, c.mint, t.symbol, strftime('%Y-%m-%d %H:%M:%f', c.window_start / 1000.0, 'unixepoch'), c.count, c.net_quote / 1e9, c.historical
FROM smart_clusters c LEFT JOIN tokens t ON t.mint = c.mint ORDER BY c.window_start DESC, c.list, c.mint LIMIT {limit}
