-- What could not be used, and why?
SELECT source, reason, count() AS rejects, uniqExact(signature) AS transactions, min(slot) AS first_slot, max(slot) AS last_slot
FROM rejects
GROUP BY source, reason
ORDER BY rejects DESC, source, reason
