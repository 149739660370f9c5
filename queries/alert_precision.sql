-- How often was the price higher some minutes after a rule spoke? Of alerts that stand and are that old.
-- Parameters: minutes.
WITH closes AS (SELECT id, open_time, close FROM candles WHERE series = 'primary' AND interval = '1m')
SELECT
    rule_id,
    count() AS alerts,
    100 * countIf(after > before) / count() AS risen_pct,
    avg(100 * (after / before - 1)) AS mean_change_pct
FROM (
    SELECT said.rule_id AS rule_id, said.before AS before, later.close AS after
    FROM (
        SELECT
            a.rule_id AS rule_id,
            a.mint AS mint,
            a.fired_at + toIntervalMinute({minutes:UInt32}) AS until,
            present.close AS before
        FROM alerts AS a
        ASOF INNER JOIN closes AS present ON present.id = a.mint AND present.open_time <= a.fired_at
        WHERE a.state != 'retracted'
    ) AS said
    ASOF INNER JOIN closes AS later ON later.id = said.mint AND later.open_time <= said.until
    WHERE said.until <= (SELECT max(open_time) FROM closes)
)
GROUP BY rule_id
ORDER BY rule_id
