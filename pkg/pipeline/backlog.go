package pipeline

import (
	"context"
	"slices"
	"time"
)

const (
	// maxBacklog is how many bytes of rows of one sort wait for the memory, by estimate; a write under way may hold as many again.
	maxBacklog = 64 << 20
	// writeAtOnce is how many rows one write takes, and writeWithin how long it may take: so a backlog of any size gets through.
	writeAtOnce = 50_000
	writeWithin = 10 * time.Second
)

// backlog is rows of one sort that wait for the memory, in the order they came. Over maxBacklog, rows are given up: the oldest of
// the rule that has most, so that who floods one rule costs the others nothing. The zero value is empty.
type backlog[T any] struct {
	rows  []T
	bytes int64
}

func (b *backlog[T]) add(rows []T, cost func(*T) (string, int64)) {
	for i := range rows {
		_, bytes := cost(&rows[i])
		b.bytes += bytes
	}
	b.rows = append(b.rows, rows...)
}

// bound gives up rows while there are too many, and returns how many: an eighth more than needed, since what remains is moved.
func (b *backlog[T]) bound(cost func(*T) (string, int64)) (lost int) {
	if b.bytes <= maxBacklog {
		return 0
	}
	all := len(b.rows)
	for b.bytes > maxBacklog/8*7 {
		largest := b.largest(cost)
		b.rows = slices.DeleteFunc(b.rows, func(row T) bool {
			hash, bytes := cost(&row)
			if hash != largest || b.bytes <= maxBacklog/8*7 {
				return false
			}
			b.bytes -= bytes
			return true
		})
	}
	return all - len(b.rows)
}

// largest returns the hash of the rule that has most bytes.
func (b *backlog[T]) largest(cost func(*T) (string, int64)) (rule string) {
	sums := map[string]int64{}
	for i := range b.rows {
		hash, bytes := cost(&b.rows[i])
		sums[hash] += bytes
	}
	for hash, sum := range sums {
		if sum > sums[rule] || sum == sums[rule] && hash < rule {
			rule = hash
		}
	}
	return rule
}

// write writes the rows, and lets go of each part that is durable.
func (b *backlog[T]) write(ctx context.Context, to func(context.Context, []T) error, cost func(*T) (string, int64)) error {
	for len(b.rows) > 0 {
		n := min(len(b.rows), writeAtOnce)
		ctx, cancel := context.WithTimeout(ctx, writeWithin)
		err := to(ctx, b.rows[:n:n])
		cancel()
		if err != nil {
			return err
		}
		for i := range b.rows[:n] {
			_, bytes := cost(&b.rows[i])
			b.bytes -= bytes
		}
		b.rows = b.rows[n:]
	}
	*b = backlog[T]{}
	return nil
}
