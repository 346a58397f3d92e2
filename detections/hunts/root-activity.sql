-- What root did in the last 30 days, by account, call and address.
SELECT account_id, event_name, outcome, src_ip, uniq(event_uid) AS calls, min(event_time) AS first, max(event_time) AS last
FROM api
WHERE actor_type = 'Root' AND event_time >= now() - INTERVAL 30 DAY
GROUP BY account_id, event_name, outcome, src_ip
ORDER BY last DESC
LIMIT 200
