-- Access keys of users (not of sessions) that called from more than one network of the last 7 days: a stolen key moves.
SELECT access_key_id, any(actor_name) AS name, uniq(cutIPv6(src_ip, 8, 1)) AS networks, groupUniqArray(5)(src_ip) AS addresses,
       uniq(event_uid) AS calls, countIf(outcome = 'failure') AS refused, max(event_time) AS last
FROM api
WHERE actor_type = 'IAMUser' AND access_key_id != '' AND src_ip != toIPv6('::') AND event_time >= now() - INTERVAL 7 DAY
GROUP BY access_key_id
HAVING networks > 1
ORDER BY refused DESC, networks DESC
LIMIT 100
