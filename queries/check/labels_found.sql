SELECT kind, count(*), count(DISTINCT wallet), count(DISTINCT mint),
       strftime('%Y-%m-%d %H:%M:%f', min(valid_from) / 1000.0, 'unixepoch')
FROM labels GROUP BY kind ORDER BY kind
