SELECT program, sum(ifnull(fee_protocol, 0)) / 1e9, sum(ifnull(fee_creator, 0)) / 1e9, sum(ifnull(fee_lp, 0)) / 1e9,
       100.0 * sum(ifnull(fee_protocol, 0) + ifnull(fee_creator, 0) + ifnull(fee_lp, 0)) / sum(quote_amount)
FROM trades WHERE quote_mint = 'So11111111111111111111111111111111111111112' GROUP BY program ORDER BY program
