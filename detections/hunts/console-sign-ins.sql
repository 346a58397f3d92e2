-- Console sign-ins of the last 7 days by person: how often, from where, with a second factor or without.
SELECT actor_name, actor_type, countIf(outcome = 'success') AS succeeded, countIf(outcome = 'failure') AS failed, countIf(mfa) AS with_mfa,
       uniq(src_ip) AS addresses, groupUniqArray(5)(src_ip) AS some, max(event_time) AS last
FROM api
WHERE event_name = 'ConsoleLogin' AND event_time >= now() - INTERVAL 7 DAY
GROUP BY actor_name, actor_type
ORDER BY failed DESC, with_mfa, succeeded DESC
LIMIT 100
