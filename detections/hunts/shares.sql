-- What was shared with other accounts or with everybody in the last 30 days: disk and database snapshots, images, buckets.
SELECT event_time, account_id, actor_name, event_name, request_json, src_ip, outcome
FROM api
WHERE event_name IN ('ModifySnapshotAttribute', 'ModifyImageAttribute', 'ModifyDBSnapshotAttribute', 'ModifyDBClusterSnapshotAttribute', 'PutBucketPolicy', 'PutBucketAcl')
  AND event_time >= now() - INTERVAL 30 DAY
ORDER BY event_time DESC
LIMIT 200
