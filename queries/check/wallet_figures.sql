SELECT trader, realised_quote / 1e9 AS sol, closed, win_rate, profit_factor, median_hold_ms / 1000.0, top_token_share
FROM wallet_stats WHERE period = '7d' AND closed > 0 ORDER BY sol DESC, trader LIMIT {limit}
