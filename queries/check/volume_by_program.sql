SELECT strftime('%Y-%m-%d %H:00:00', block_time / 1000, 'unixepoch') AS hour, program, count(*), count(DISTINCT trader), count(DISTINCT mint),
       sum(value_usd), count(*) - count(value_usd)
FROM trades GROUP BY 1, 2 ORDER BY 1, 2
