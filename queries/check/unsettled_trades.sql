SELECT commitment, count(*), sum(value_usd), max(slot), min(slot) FROM trades GROUP BY commitment ORDER BY commitment
