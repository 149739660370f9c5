-- Where is traded, hour by hour?
SELECT
    toStartOfHour(block_time) AS hour,
    program,
    count() AS trades,
    uniqExact(trader) AS traders,
    uniqExact(mint) AS mints,
    sum(value_usd) AS volume_usd,
    countIf(value_usd IS NULL) AS trades_without_value
FROM trades
GROUP BY hour, program
ORDER BY hour, program
