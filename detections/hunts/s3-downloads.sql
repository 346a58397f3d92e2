-- Who took most out of S3 over public addresses in the last two days, by principal, address and bucket.
SELECT actor_name, src_ip, bucket_name, uniq(object_key) AS objects, formatReadableSize(sum(bytes_out)) AS taken, min(event_time) AS first, max(event_time) AS last
FROM http
WHERE operation = 'REST.GET.OBJECT' AND outcome = 'success' AND auth_type = 'AuthHeader' AND event_time >= now() - INTERVAL 2 DAY
  AND NOT (src_ip BETWEEN toIPv6('10.0.0.0') AND toIPv6('10.255.255.255') OR src_ip BETWEEN toIPv6('172.16.0.0') AND toIPv6('172.31.255.255') OR src_ip BETWEEN toIPv6('192.168.0.0') AND toIPv6('192.168.255.255'))
GROUP BY actor_name, src_ip, bucket_name
ORDER BY sum(bytes_out) DESC
LIMIT 20
