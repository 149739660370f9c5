-- What do traders pay to protocols, creators and liquidity providers, in SOL and as a share of the volume?
SELECT
    program,
    sum(ifNull(fee_protocol, 0)) / 1e9 AS protocol_sol,
    sum(ifNull(fee_creator, 0)) / 1e9 AS creator_sol,
    sum(ifNull(fee_lp, 0)) / 1e9 AS lp_sol,
    100 * (protocol_sol + creator_sol + lp_sol) / (sum(quote_amount) / 1e9) AS fees_pct
FROM trades
WHERE quote_mint = 'So11111111111111111111111111111111111111112'
GROUP BY program
ORDER BY program
