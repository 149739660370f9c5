WITH closes AS (SELECT id, open_time, close FROM candles WHERE series = 'primary' AND interval = '1m'),
said AS (
    SELECT a.rule_id,
           (SELECT close FROM closes WHERE id = a.mint AND open_time <= a.fired_at ORDER BY open_time DESC LIMIT 1) AS before,
           (SELECT close FROM closes WHERE id = a.mint AND open_time <= a.fired_at + {minutes} * 60000 ORDER BY open_time DESC LIMIT 1) AS after
    FROM alerts a WHERE a.state <> 'retracted' AND a.fired_at + {minutes} * 60000 <= (SELECT max(open_time) FROM closes))
SELECT rule_id, count(*), 100.0 * sum(after > before) / count(*), avg(100.0 * (after / before - 1))
FROM said WHERE before IS NOT NULL AND after IS NOT NULL GROUP BY rule_id ORDER BY rule_id
