-- Machines that were asked for in the last 30 days, by account, region, type and principal; rare places first.
SELECT account_id, region, JSONExtractString(request_json, 'instanceType') AS type, actor_name, uniq(event_uid) AS launches,
       countIf(outcome = 'failure') AS refused, min(event_time) AS first, max(event_time) AS last
FROM api
WHERE event_name IN ('RunInstances', 'RequestSpotInstances') AND event_time >= now() - INTERVAL 30 DAY
GROUP BY account_id, region, type, actor_name
ORDER BY uniq(toDate(event_time)), launches DESC
LIMIT 100
