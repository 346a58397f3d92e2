-- Principals of the last day that were refused many different calls; broken programs repeat one, intruders try each.
SELECT actor, account_id, uniq(event_name) AS different, uniq(event_uid) AS refused, groupUniqArray(8)(event_name) AS some, groupUniqArray(3)(src_ip) AS addresses
FROM api
WHERE outcome = 'failure' AND (error_code LIKE 'AccessDenied%' OR error_code LIKE '%UnauthorizedOperation') AND event_time >= now() - INTERVAL 2 DAY
GROUP BY actor, account_id
ORDER BY different DESC
LIMIT 50
