SELECT source, reason, count(*) AS n, count(DISTINCT signature), min(slot), max(slot) FROM rejects
GROUP BY source, reason ORDER BY n DESC, source, reason
