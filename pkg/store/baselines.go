package store

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/shrike-sec/shrike/pkg/correlate"
)

// Buckets reads the memory of baselines: the buckets since a time of the rules of those hashes, those of one key in the order
// of time. It hands them over in parts that the receiver owns; its error ends the reading.
func (s *Store) Buckets(ctx context.Context, ruleHashes []string, since time.Time, take func([]correlate.Bucket) error) error {
	p := parts[correlate.Bucket]{take: take}
	err := s.query(ctx, func(row driver.Rows) error {
		var b correlate.Bucket
		if err := row.Scan(&b.RuleHash, &b.Key, &b.Time, &b.Value, &b.Count, &b.FirstTime, &b.LastTime, &b.Severity,
			&b.Fired, &b.Usual, &b.Deviation, &b.Offset); err != nil {
			return err
		}
		return p.add(b)
	}, "SELECT rule_hash, `key`, toUnixTimestamp64Nano(bucket_time), `value`, `count`, toUnixTimestamp64Nano(first_time), "+
		"toUnixTimestamp64Nano(last_time), severity, fired, usual, deviation, `offset` FROM baselines "+
		"WHERE has(?, rule_hash) AND bucket_time >= fromUnixTimestamp64Nano(?) "+
		"ORDER BY rule_hash, `key`, bucket_time, `offset` LIMIT 1 BY rule_hash, `key`, bucket_time", ruleHashes, since.UnixNano())
	if err == nil {
		err = p.end()
	}
	if err != nil {
		return fmt.Errorf("read memory of baselines: %w", err)
	}
	return nil
}

// WriteBuckets stores what buckets came to. Writing the same again changes nothing.
func (s *Store) WriteBuckets(ctx context.Context, buckets []correlate.Bucket) error {
	if len(buckets) == 0 {
		return nil
	}
	var hashes, keys, severities values[string]
	var starts, first, last times
	var amounts, usual, deviations values[float64]
	var counts values[uint64]
	var fired values[bool]
	var offsets values[int64]
	for i := range buckets {
		b := &buckets[i]
		hashes.set(i, b.RuleHash)
		keys.set(i, b.Key)
		starts.set(i, time.Unix(0, b.Time))
		amounts.set(i, b.Value)
		counts.set(i, b.Count)
		first.set(i, time.Unix(0, b.FirstTime))
		last.set(i, time.Unix(0, b.LastTime))
		severities.set(i, b.Severity)
		fired.set(i, b.Fired)
		usual.set(i, b.Usual)
		deviations.set(i, b.Deviation)
		offsets.set(i, b.Offset)
	}
	hashes.column, keys.column, severities.column = "rule_hash", "key", "severity"
	starts.column, first.column, last.column = "bucket_time", "first_time", "last_time"
	amounts.column, usual.column, deviations.column = "value", "usual", "deviation"
	counts.column, fired.column, offsets.column = "count", "fired", "offset"
	b := &block{table: "baselines", rows: len(buckets), columns: []buffer{
		&hashes, &keys, &starts, &amounts, &counts, &first, &last, &severities, &fired, &usual, &deviations, &offsets,
	}}
	return s.send(ctx, Range{Topic: "baselines"}, b, nil, "")
}
