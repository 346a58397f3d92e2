-- Addresses of the last day that asked web sites for many things that are not there, and whether they got anything.
SELECT src_ip, uniq(url_path) AS paths, countIf(status = 404) AS missing, countIf(status < 400) AS got, groupUniqArray(6)(url_path) AS some, any(user_agent) AS agent
FROM http
WHERE operation = '' AND event_time >= now() - INTERVAL 1 DAY
GROUP BY src_ip
HAVING missing >= 3
ORDER BY paths DESC
LIMIT 50
