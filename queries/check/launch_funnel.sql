WITH life AS (SELECT mint, max(CASE kind WHEN 'created' THEN at END) c, max(CASE kind WHEN 'completed' THEN at END) f,
                     max(CASE kind WHEN 'migrated' THEN at END) m FROM lifecycle GROUP BY mint),
     took AS (SELECT (f - c) / 1000 AS s, row_number() OVER (ORDER BY f - c) AS i, count(*) OVER () AS n
              FROM life WHERE c IS NOT NULL AND f IS NOT NULL)
SELECT date(c / 1000, 'unixepoch'), count(*), count(f), count(m), round(100.0 * count(f) / count(*), 3),
       (SELECT s FROM took WHERE i = n / 2 + 1)
FROM life WHERE c IS NOT NULL GROUP BY 1 ORDER BY 1
