SELECT trader, realised_sol / 1e9 AS sol, closed_sol, win_rate_sol, profit_factor_sol, positions_left_out_sol,
       median_hold_ms / 1000.0, top_token_share
FROM wallet_stats WHERE period = '7d' AND closed_sol > 0 ORDER BY sol DESC, trader LIMIT {limit}
