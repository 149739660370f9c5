-- How much of what was bought in the first minute of a token went to snipers?
-- Parameters: limit.
WITH bought AS (
    SELECT t.mint AS mint, t.trader AS trader, t.quote_amount AS quote_amount
    FROM trades AS t
    INNER JOIN (SELECT mint, at FROM lifecycle WHERE kind = 'created') AS l ON l.mint = t.mint
    WHERE t.side = 'buy' AND t.block_time < l.at + toIntervalMinute(1)
)
SELECT
    mint,
    uniqExactIf(trader, subject != '') AS snipers,
    100 * sumIf(quote_amount, subject != '') / sum(quote_amount) AS sniped_pct
FROM bought
LEFT JOIN (SELECT subject FROM labels WHERE kind = 'sniper') AS l ON l.subject = concat(bought.trader, ':', bought.mint)
GROUP BY mint
HAVING snipers > 0
ORDER BY sniped_pct DESC, mint
LIMIT {limit:UInt32}
