-- Where most bytes of the last two days went: inside interface, outside address, and in which hour most.
SELECT interface_id, dst_ip, formatReadableSize(sum(sent)) AS total, formatReadableSize(max(sent)) AS most_in_an_hour, argMax(hour, sent) AS then, count() AS hours
FROM
(
    SELECT interface_id, dst_ip, toStartOfHour(event_time) AS hour, sum(bytes) AS sent
    FROM flow
    WHERE outcome = 'success' AND event_time >= now() - INTERVAL 2 DAY
      AND (src_ip BETWEEN toIPv6('10.0.0.0') AND toIPv6('10.255.255.255') OR src_ip BETWEEN toIPv6('172.16.0.0') AND toIPv6('172.31.255.255') OR src_ip BETWEEN toIPv6('192.168.0.0') AND toIPv6('192.168.255.255'))
      AND NOT (dst_ip BETWEEN toIPv6('10.0.0.0') AND toIPv6('10.255.255.255') OR dst_ip BETWEEN toIPv6('172.16.0.0') AND toIPv6('172.31.255.255') OR dst_ip BETWEEN toIPv6('192.168.0.0') AND toIPv6('192.168.255.255'))
    GROUP BY interface_id, dst_ip, hour
)
GROUP BY interface_id, dst_ip
ORDER BY sum(sent) DESC
LIMIT 20
