package pipeline

import (
	"context"
	"time"
	"unsafe"

	"github.com/shrike-sec/shrike/pkg/correlate"
)

// Memory is where first-seen values and the buckets of baselines are kept. A write returns when it is durable. Memos and Buckets
// hand over what there is in parts, the rows of one group one after the other; Buckets those since a time.
type Memory interface {
	Memos(ctx context.Context, ruleHashes []string, take func([]correlate.Memo) error) error
	WriteMemos(ctx context.Context, memos []correlate.Memo) error
	Buckets(ctx context.Context, ruleHashes []string, since time.Time, take func([]correlate.Bucket) error) error
	WriteBuckets(ctx context.Context, buckets []correlate.Bucket) error
}

// notes are rows on their way to the memory.
type notes struct {
	memos   backlog[correlate.Memo]
	buckets backlog[correlate.Bucket]
}

func (n *notes) len() int { return len(n.memos.rows) + len(n.buckets.rows) }

func (n *notes) add(memos []correlate.Memo, buckets []correlate.Bucket) {
	n.memos.add(memos, memoCost)
	n.buckets.add(buckets, bucketCost)
}

// bound gives up what is too much.
func (n *notes) bound() lostRows {
	return lostRows{memos: n.memos.bound(memoCost), buckets: n.buckets.bound(bucketCost)}
}

// write writes the rows part by part and lets go of what is durable.
func (n *notes) write(ctx context.Context, memory Memory) error {
	if err := n.memos.write(ctx, memory.WriteMemos, memoCost); err != nil {
		return err
	}
	return n.buckets.write(ctx, memory.WriteBuckets, bucketCost)
}

// What rows cost beside their texts: themselves, twice, since lists grow.
const (
	memoBytes   = 2 * int64(unsafe.Sizeof(correlate.Memo{}))
	bucketBytes = 2 * int64(unsafe.Sizeof(correlate.Bucket{}))
)

func memoCost(m *correlate.Memo) (ruleHash string, bytes int64) {
	return m.RuleHash, memoBytes + int64(len(m.Key)+len(m.Value))
}

func bucketCost(b *correlate.Bucket) (ruleHash string, bytes int64) {
	return b.RuleHash, bucketBytes + int64(len(b.Key))
}

// lostRows counts rows that were given up.
type lostRows struct{ memos, buckets int }

// diary is the rows on their way to the memory. A shard commits no offset behind a row that is not durable. It writes beside
// the shard's own goroutine, so that a memory that hangs delays commits and not alerts. While the memory is away, values that
// somebody makes up are rows without end, and so are the buckets of each group with a match in it: see backlog. A shard that
// restarts while the memory is still away has lost nothing, since it reads the signals again.
type diary struct {
	noted   notes        // in no write yet
	writing bool         // a write is under way
	covers  checkpoint   // what may be committed when that write has succeeded
	written chan outcome // its answer
}

// outcome is what came of a write: the rows that are not durable yet, none without an error.
type outcome struct {
	left notes
	err  error
}

// note adds rows and returns how many were given up for that.
func (d *diary) note(memos []correlate.Memo, buckets []correlate.Bucket) lostRows {
	d.noted.add(memos, buckets)
	return d.noted.bound()
}

// write hands what was noted to the memory; all of it stems from before what it covers. Its goroutine ends with ctx, or when a
// part takes longer than writeWithin, and settle or flush receives its answer.
func (d *diary) write(ctx context.Context, memory Memory, covers checkpoint) {
	rows := d.noted
	d.writing, d.noted, d.covers, d.written = true, notes{}, covers, make(chan outcome, 1)
	go func(written chan<- outcome) {
		err := rows.write(ctx, memory)
		written <- outcome{rows, err}
	}(d.written)
}

// settle takes the answer of a write: what may be committed now, or what is left is to be written again, but for what was given
// up.
func (d *diary) settle(o outcome) (covered checkpoint, lost lostRows, ok bool) {
	if o.err != nil {
		o.left.add(d.noted.memos.rows, d.noted.buckets.rows)
		d.noted = o.left
		lost = d.noted.bound()
	}
	d.writing, d.written = false, nil
	return d.covers, lost, o.err == nil
}

// flush waits for the write under way, whose context has ended, and writes what is left.
func (d *diary) flush(ctx context.Context, memory Memory) error {
	if d.writing {
		d.settle(<-d.written)
	}
	return d.noted.write(ctx, memory)
}
