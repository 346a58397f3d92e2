package store

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/shrike-sec/shrike/pkg/correlate"
)

// Memos reads what the rules of those hashes have seen, each group and value once, one group after the other. It hands the rows
// over in parts that the receiver owns; its error ends the reading.
func (s *Store) Memos(ctx context.Context, ruleHashes []string, take func([]correlate.Memo) error) error {
	p := parts[correlate.Memo]{take: take}
	err := s.query(ctx, func(row driver.Rows) error {
		var m correlate.Memo
		if err := row.Scan(&m.RuleHash, &m.Key, &m.Value, &m.Offset, &m.FirstTime, &m.LastTime, &m.Moved); err != nil {
			return err
		}
		return p.add(m)
	}, "SELECT rule_hash, `key`, `value`, `offset`, toUnixTimestamp64Nano(first_time), toUnixTimestamp64Nano(last_time), moved_offset "+
		"FROM first_seen FINAL WHERE has(?, rule_hash) ORDER BY rule_hash, `key`, `value`", ruleHashes)
	if err == nil {
		err = p.end()
	}
	if err != nil {
		return fmt.Errorf("read first-seen memory: %w", err)
	}
	return nil
}

// WriteMemos stores what rules have seen. Writing the same or older again changes nothing, so it may be repeated.
func (s *Store) WriteMemos(ctx context.Context, memos []correlate.Memo) error {
	if len(memos) == 0 {
		return nil
	}
	var hashes, keys, vals values[string]
	var offsets, moved values[int64]
	var first, last times
	for i, m := range memos {
		hashes.set(i, m.RuleHash)
		keys.set(i, m.Key)
		vals.set(i, m.Value)
		offsets.set(i, m.Offset)
		first.set(i, time.Unix(0, m.FirstTime))
		last.set(i, time.Unix(0, m.LastTime))
		moved.set(i, m.Moved)
	}
	hashes.column, keys.column, vals.column = "rule_hash", "key", "value"
	offsets.column, first.column, last.column, moved.column = "offset", "first_time", "last_time", "moved_offset"
	b := &block{table: "first_seen", rows: len(memos), columns: []buffer{&hashes, &keys, &vals, &offsets, &first, &last, &moved}}
	return s.send(ctx, Range{Topic: "first_seen"}, b, nil, "")
}

// partRows is how many rows of a memory are handed over at a time.
const partRows = 10_000

// parts collects rows into parts, and gives them away.
type parts[T any] struct {
	take func([]T) error
	part []T
}

func (p *parts[T]) add(row T) error {
	if p.part = append(p.part, row); len(p.part) < partRows {
		return nil
	}
	return p.end()
}

// end gives away what is left.
func (p *parts[T]) end() error {
	full := p.part
	if p.part = nil; len(full) == 0 {
		return nil
	}
	return p.take(full)
}
