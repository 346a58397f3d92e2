package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/cenkalti/backoff/v5"
	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/event"
)

// maxRounds bounds how often ClickHouse may accept rows under a fresh token and not have them afterwards. Once is a
// crash; as often as this it drops them, and saying so beats trying for ever.
const maxRounds = 12

// stored is which rows of a range a table has.
type stored map[string]map[key]struct{}

// mend brings the blocks of a range to be stored exactly once, whatever earlier attempts did, until ctx ends.
//
// It waits until no earlier attempt is running any more, looks which rows are there, and inserts the missing ones: first by
// sending the identical block under the range's own token, which is safe even against a process that woke up
// with the same range; then under token/r1, r2 … only what is missing, because the token may be known while rows are not.
// An offset whose rows are there in another shape (another table, another index: a parser of another version
// announced this range) counts as stored.
func (s *Store) mend(ctx context.Context, r Range, blocks []*block, look func(context.Context, Range) (stored, error)) error {
	round := 0
	return s.retry(ctx, r, func() (done bool, err error) {
		if err := s.quiesce(ctx, r); err != nil {
			return false, err
		}
		have, err := look(ctx, r)
		if err != nil {
			return false, fmt.Errorf("look for stored rows: %w", err)
		}
		missing, foreign := compare(blocks, have)
		if len(missing) == 0 {
			return true, nil
		}
		if round > maxRounds {
			return false, backoff.Permanent(fmt.Errorf("range %s: ClickHouse accepts rows and does not have them: are they older than the retention of their table?", r.token()))
		}
		token, whole := r.token(), round == 0 && !foreign
		if !whole {
			token = fmt.Sprintf("%s/r%d", r.token(), round)
		}
		for _, b := range blocks {
			rows, ok := missing[b]
			if !ok {
				continue
			}
			if whole {
				rows = nil
			}
			if err := s.send(ctx, r, b, rows, token); err != nil {
				s.metrics.retries.WithLabelValues(b.table).Inc()
				return false, err
			}
		}
		round++
		return false, nil
	})
}

// retry calls attempt until it is done, at once after progress and with back-off after an error, which it logs.
func (s *Store) retry(ctx context.Context, r Range, attempt func() (done bool, err error)) error {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 50*time.Millisecond, 10*time.Second
	for {
		done, err := attempt()
		if done && err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("store range %s: %w", r.token(), ctx.Err())
		}
		var permanent *backoff.PermanentError
		switch {
		case err == nil:
			continue
		case errors.As(err, &permanent):
			return permanent.Err
		}
		next := wait.NextBackOff()
		s.log.Warn("insert does not succeed, trying again", zap.String("range", r.token()), zap.Duration("in", next), zap.Error(err))
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("store range %s: %w", r.token(), ctx.Err())
		case <-timer.C:
		}
	}
}

// quiesce waits until the server runs no insert of the range any more. An insert whose client is gone goes on, and could
// store its rows just after they were found missing.
func (s *Store) quiesce(ctx context.Context, r Range) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		var running uint64
		err := s.query(ctx, func(row driver.Rows) error { return row.Scan(&running) },
			"SELECT count() FROM system.processes WHERE startsWith(query_id, ?)", r.token()+"#")
		if err != nil {
			return fmt.Errorf("look for running inserts: %w", err)
		}
		if running == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// storedRows returns the range's rows in every table that they may be in.
func (s *Store) storedRows(ctx context.Context, r Range) (stored, error) {
	have := stored{}
	for _, table := range rowTables() {
		rows := map[key]struct{}{}
		err := s.query(ctx, func(row driver.Rows) error {
			var k key
			if err := row.Scan(&k.offset, &k.idx); err != nil {
				return err
			}
			rows[k] = struct{}{}
			return nil
		}, fmt.Sprintf("SELECT `offset`, idx FROM %s WHERE epoch = ? AND topic = ? AND `partition` = ? AND `offset` >= ? AND `offset` < ?", table),
			r.Epoch, r.Topic, uint32(r.Partition), uint64(r.From), uint64(r.To))
		if err != nil {
			return nil, err
		}
		have[table] = rows
	}
	return have, nil
}

// rowTables lists the tables whose rows are known by offset and index.
func rowTables() []string { return append(classTables(), "dead_letter") }

// classTables lists the tables of events, which are named as their classes.
func classTables() []string {
	var names []string
	for _, c := range event.LogClasses() {
		names = append(names, c.String())
	}
	return names
}

// storedCoverage returns the range's coverage row, if it is there.
func (s *Store) storedCoverage(ctx context.Context, r Range) (stored, error) {
	rows := map[key]struct{}{}
	err := s.query(ctx, func(row driver.Rows) error {
		var n uint64
		if err := row.Scan(&n); err != nil {
			return err
		}
		if n > 0 {
			rows[key{offset: uint64(r.From)}] = struct{}{}
		}
		return nil
	}, "SELECT count() FROM coverage WHERE epoch = ? AND topic = ? AND `partition` = ? AND from_offset = ? AND to_offset = ?",
		r.Epoch, r.Topic, uint32(r.Partition), uint64(r.From), uint64(r.To))
	return stored{"coverage": rows}, err
}

// compare returns the rows of each block that are not stored. foreign is whether an offset is stored in a shape that
// the blocks do not have; such offsets miss nothing.
func compare(blocks []*block, have stored) (missing map[*block][]int, foreign bool) {
	want := stored{}
	for _, b := range blocks {
		want[b.table] = make(map[key]struct{}, b.rows)
		for row := range b.rows {
			want[b.table][b.key(row)] = struct{}{}
		}
	}
	other := map[uint64]bool{}
	for table, rows := range have {
		for k := range rows {
			if _, ok := want[table][k]; !ok {
				other[k.offset] = true
			}
		}
	}
	missing = map[*block][]int{}
	for _, b := range blocks {
		for row := range b.rows {
			k := b.key(row)
			if _, ok := have[b.table][k]; !ok && !other[k.offset] {
				missing[b] = append(missing[b], row)
			}
		}
	}
	return missing, len(other) > 0
}
