-- What becomes of the tokens that are launched, day by day of their launch?
SELECT
    toDate(created.at) AS day,
    count() AS created,
    countIf(completed.mint != '') AS completed,
    countIf(migrated.mint != '') AS migrated,
    round(100 * completed / created, 3) AS completed_pct,
    quantileExactIf(0.5)(dateDiff('second', created.at, completed.at), completed.mint != '') AS seconds_to_complete
FROM (SELECT mint, at FROM lifecycle WHERE kind = 'created') AS created
LEFT JOIN (SELECT mint, at FROM lifecycle WHERE kind = 'completed') AS completed ON completed.mint = created.mint
LEFT JOIN (SELECT mint FROM lifecycle WHERE kind = 'migrated') AS migrated ON migrated.mint = created.mint
GROUP BY day
ORDER BY day
