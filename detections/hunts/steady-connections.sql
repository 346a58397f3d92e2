-- Long, thin, steady connections from inside to one outside address and an uncommon port: what a mining pool looks like.
SELECT interface_id, dst_ip, dst_port, uniq(toStartOfMinute(event_time)) AS minutes, sum(bytes) AS sent, round(sum(bytes) / uniq(toStartOfMinute(event_time))) AS per_minute,
       min(event_time) AS first, max(event_time) AS last
FROM flow
WHERE outcome = 'success' AND protocol = 6 AND src_port >= 32768 AND dst_port NOT IN (22, 25, 53, 80, 123, 443, 465, 587, 853, 993, 3306, 5432, 6379, 8443, 9092, 9200)
  AND (src_ip BETWEEN toIPv6('10.0.0.0') AND toIPv6('10.255.255.255') OR src_ip BETWEEN toIPv6('172.16.0.0') AND toIPv6('172.31.255.255') OR src_ip BETWEEN toIPv6('192.168.0.0') AND toIPv6('192.168.255.255'))
  AND NOT (dst_ip BETWEEN toIPv6('10.0.0.0') AND toIPv6('10.255.255.255') OR dst_ip BETWEEN toIPv6('172.16.0.0') AND toIPv6('172.31.255.255') OR dst_ip BETWEEN toIPv6('192.168.0.0') AND toIPv6('192.168.255.255'))
  AND event_time >= now() - INTERVAL 2 DAY
GROUP BY interface_id, dst_ip, dst_port
HAVING minutes >= 20
ORDER BY minutes DESC
LIMIT 50
