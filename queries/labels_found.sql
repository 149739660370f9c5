-- What was found, how often, and among how many wallets and tokens?
SELECT kind, count() AS labels, uniqExact(wallet) AS wallets, uniqExact(mint) AS mints, min(valid_from) AS since
FROM labels
GROUP BY kind
ORDER BY kind
