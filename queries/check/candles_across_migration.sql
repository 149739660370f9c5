SELECT strftime('%Y-%m-%d %H:%M:%f', c.open_time / 1000.0, 'unixepoch'), c.open, c.high, c.low, c.close,
       c.volume_quote / 1e9, c.trades, c.open_time >= (SELECT migrated_at FROM tokens WHERE mint = {mint})
FROM candles c WHERE c.series = 'primary' AND c.interval = '1m' AND c.id = {mint} ORDER BY c.open_time
