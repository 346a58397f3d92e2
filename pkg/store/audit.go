package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/shrike-sec/shrike/pkg/record"
)

// Highest returns the newest epoch of a partition that something is stored of, and the first offset after it; ok is
// false when nothing is.
func (s *Store) Highest(ctx context.Context, topic string, partition int) (epoch uint64, to int64, ok bool, err error) {
	err = s.query(ctx, func(row driver.Rows) error {
		var end uint64
		ok = true
		err := row.Scan(&epoch, &end)
		to = int64(end)
		return err
	}, "SELECT epoch, max(to_offset) FROM coverage WHERE topic = ? AND `partition` = ? GROUP BY epoch ORDER BY epoch DESC LIMIT 1",
		topic, uint32(partition))
	if err != nil {
		return 0, 0, false, fmt.Errorf("read coverage: %w", err)
	}
	return epoch, to, ok, nil
}

// AuditRow says of one epoch of a partition what became of its offsets From to To. All numbers are offsets but
// Duplicates.
type AuditRow struct {
	Epoch     uint64
	Topic     string
	Partition int
	From, To  int64
	Aged      int64 // before From: so old that retention may have dropped rows, and so not counted

	Events      int64 // became one or more events
	DeadLetters int64 // became a dead letter
	Expired     int64 // had an event time outside of the retention; a dead letter too
	Alerts      int64 // held an alert
	Controls    int64 // were records of the log's own making
	Holes       int64 // Kafka has nothing there

	Gaps       int64 // nobody knows what became of them: must be 0
	Overlaps   int64 // two answers, such as an event and a dead letter, or two ranges over one offset: must be 0
	Duplicates int64 // rows that are there more than once: must be 0
}

// OK reports whether each offset is accounted for exactly once.
func (r *AuditRow) OK() bool {
	return r.Gaps == 0 && r.Overlaps == 0 && r.Duplicates == 0 &&
		r.Events+r.DeadLetters+r.Expired+r.Alerts+r.Controls+r.Holes == r.To-r.From
}

// Audit counts, for each epoch of each partition, that the offsets of the ranges said to be stored are contiguous and
// each is accounted for once. It reads the places of all rows, not their content: a few seconds for ten million.
// Rows of ranges that are being inserted, beyond To, are not counted.
func (s *Store) Audit(ctx context.Context) ([]AuditRow, error) {
	classDays, deadDays, err := s.retentionDays(ctx)
	if err != nil {
		return nil, err
	}
	var out []AuditRow
	err = s.query(ctx, func(row driver.Rows) error {
		var r AuditRow
		var partition uint32
		var from, to, aged, covered, ranges, alerts, events, dead, expired, controls, holes, all, duplicates uint64
		err := row.Scan(&r.Epoch, &r.Topic, &partition, &from, &to, &aged, &covered, &ranges, &alerts,
			&events, &dead, &expired, &controls, &holes, &all, &duplicates)
		if err != nil {
			return err
		}
		r.Partition, r.From, r.To, r.Aged = int(partition), int64(from), int64(to), int64(aged)
		r.Events, r.DeadLetters, r.Expired, r.Alerts = int64(events), int64(dead), int64(expired), int64(alerts)
		r.Controls, r.Holes, r.Duplicates = int64(controls), int64(holes), int64(duplicates)
		span := to - from
		r.Gaps = int64(span - min(span, covered, all+alerts))
		r.Overlaps = int64(ranges - covered + events + dead + expired + controls + holes - all)
		out = append(out, r)
		return nil
	}, auditSQL(), classDays, deadDays)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return out, nil
}

// retentionDays returns after how many days ClickHouse begins to drop events, and dead letters.
func (s *Store) retentionDays(ctx context.Context) (class, dead uint32, err error) {
	const never = 40_000
	class, dead = never, never
	err = s.query(ctx, func(row driver.Rows) error {
		var table string
		var days uint32
		if err := row.Scan(&table, &days); err != nil {
			return err
		}
		switch {
		case days == 0: // keeps everything
		case table == "dead_letter":
			dead = days
		default:
			class = min(class, days)
		}
		return nil
	}, "SELECT name, toUInt32OrZero(extract(engine_full, 'toIntervalDay\\\\((\\\\d+)\\\\)')) FROM system.tables WHERE database = currentDatabase() AND has(?, name)", rowTables())
	if err != nil {
		return 0, 0, fmt.Errorf("read retention: %w", err)
	}
	return class, dead, nil
}

// auditSQL: spans is, by partition, what coverage says: from where retention cannot have touched rows to the end, the
// offsets of its ranges (counted with and without overlap) and the alerts in them. facts is one row for each thing that
// became of an offset. Bitmaps count distinct offsets exactly, in a bit each.
func auditSQL() string {
	const place = "epoch, topic, `partition`"
	var facts []string
	for _, class := range classTables() {
		facts = append(facts, fmt.Sprintf("SELECT %s, `offset`, idx, 'event' AS kind FROM %s", place, class))
	}
	facts = append(facts,
		fmt.Sprintf("SELECT %s, `offset`, idx, if(reason IN ('%s', '%s'), 'expired', 'dead') AS kind FROM dead_letter", place, record.ReasonExpired, record.ReasonFuture),
		fmt.Sprintf("SELECT %s, arrayJoin(controls) AS `offset`, toUInt16(0) AS idx, 'control' AS kind FROM coverage", place),
		fmt.Sprintf("SELECT %s, arrayJoin(range(h.1, h.2)) AS `offset`, toUInt16(0) AS idx, 'hole' AS kind FROM coverage ARRAY JOIN holes AS h", place))
	var counts, distinct []string
	for _, kind := range []string{"event", "dead", "expired", "control", "hole"} {
		counts = append(counts, fmt.Sprintf("groupBitmapIf(`offset`, kind = '%s') AS %ss", kind, kind))
		distinct = append(distinct, fmt.Sprintf("groupBitmapIf(`offset`, kind = '%s' AND idx = 0)", kind))
	}
	return fmt.Sprintf(`WITH
starts AS
(
  SELECT %[1]s, min(from_offset) AS first,
    greatest(first, maxIf(to_offset, events > 0 AND first_time < now() - toIntervalDay(?) OR dead_letters + expired > 0 AND first_time < now() - toIntervalDay(?))) AS start
  FROM coverage GROUP BY %[1]s
),
spans AS
(
  SELECT %[1]s, any(start) AS start, any(first) AS first, max(to_offset) AS end, sum(alerts) AS alerts,
    sum(to_offset - from_offset) AS ranges,
    sum(to_offset - least(to_offset, greatest(from_offset, before))) AS covered
  FROM
  (
    SELECT c.*, s.start, s.first,
      max(to_offset) OVER (PARTITION BY %[1]s ORDER BY from_offset, to_offset ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM coverage AS c INNER JOIN starts AS s USING (%[1]s)
    WHERE from_offset >= s.start
  )
  GROUP BY %[1]s
),
counted AS
(
  SELECT %[1]s, %[2]s, groupBitmap(`+"`offset`"+`) AS all,
    countIf(idx = 0) - (%[3]s) + countIf(idx > 0) - uniqExactIf((kind, `+"`offset`"+`, idx), idx > 0) AS duplicates
  FROM (%[4]s) AS f INNER JOIN spans AS s USING (%[1]s)
  WHERE `+"`offset`"+` >= s.start AND `+"`offset`"+` < s.end
  GROUP BY %[1]s
)
SELECT epoch, topic, `+"`partition`"+`, start, end, toUInt64(start - first), toUInt64(covered), toUInt64(ranges), toUInt64(alerts),
  toUInt64(events), toUInt64(deads), toUInt64(expireds), toUInt64(controls), toUInt64(holes), toUInt64(all), toUInt64(greatest(duplicates, 0))
FROM spans LEFT JOIN counted USING (%[1]s)
ORDER BY %[1]s
SETTINGS joined_subquery_requires_alias = 0`, place, strings.Join(counts, ", "), strings.Join(distinct, " + "), strings.Join(facts, " UNION ALL "))
}
