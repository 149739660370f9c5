-- Which tokens are oversold by their last closed bar of a minute?
-- Parameters: rsi_max.
SELECT mint, max(open_time) AS last_bar, argMax(rsi14, open_time) AS rsi, argMax(macd_hist, open_time) AS macd_histogram
FROM indicators
WHERE interval = '1m' AND NOT provisional AND rsi14 IS NOT NULL
GROUP BY mint
HAVING rsi <= {rsi_max:Float64}
ORDER BY rsi, mint
