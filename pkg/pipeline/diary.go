package pipeline

import (
	"context"
	"time"

	"github.com/shrike-sec/shrike/pkg/correlate"
)

// Memory is where first-seen values and the buckets of baselines are kept. A write returns when it is durable. Buckets hands
// over those since a time, in parts.
type Memory interface {
	Memos(ctx context.Context, ruleHashes []string) ([]correlate.Memo, error)
	WriteMemos(ctx context.Context, memos []correlate.Memo) error
	Buckets(ctx context.Context, ruleHashes []string, since time.Time, take func([]correlate.Bucket) error) error
	WriteBuckets(ctx context.Context, buckets []correlate.Bucket) error
}

// notes are rows on their way to the memory.
type notes struct {
	memos   []correlate.Memo
	buckets []correlate.Bucket
}

func (n *notes) len() int { return len(n.memos) + len(n.buckets) }

func (n *notes) add(o notes) {
	n.memos, n.buckets = append(n.memos, o.memos...), append(n.buckets, o.buckets...)
}

func (n *notes) write(ctx context.Context, memory Memory) error {
	if len(n.memos) > 0 {
		if err := memory.WriteMemos(ctx, n.memos); err != nil {
			return err
		}
	}
	if len(n.buckets) > 0 {
		return memory.WriteBuckets(ctx, n.buckets)
	}
	return nil
}

// diary is the rows on their way to the memory. A shard commits no offset behind a row that is not durable. It writes beside
// the shard's own goroutine, so that a memory that hangs delays commits and not alerts. First-seen values are bounded by the
// engine's state, of which each is noted once; a bucket is a row for each group with a match in it, for as long as the memory
// is away.
type diary struct {
	noted   notes      // in no write yet
	writing *notes     // in the write under way; nil when there is none
	covers  checkpoint // what may be committed when that write has succeeded
	written chan error // its answer
}

// writeWithin bounds one write.
const writeWithin = 10 * time.Second

func (d *diary) note(n notes) { d.noted.add(n) }

// write hands what was noted to the memory; all of it stems from before what it covers. Its goroutine ends with ctx or after
// writeWithin, and settle or flush receives its answer.
func (d *diary) write(ctx context.Context, memory Memory, covers checkpoint) {
	rows := d.noted
	d.writing, d.noted, d.covers, d.written = &rows, notes{}, covers, make(chan error, 1)
	go func(written chan<- error) {
		ctx, cancel := context.WithTimeout(ctx, writeWithin)
		defer cancel()
		written <- rows.write(ctx, memory)
	}(d.written)
}

// settle takes the answer of a write: what may be committed now, or everything is to be written again.
func (d *diary) settle(err error) (covered checkpoint, ok bool) {
	if err != nil {
		d.writing.add(d.noted)
		d.noted = *d.writing
	}
	d.writing, d.written = nil, nil
	return d.covers, err == nil
}

// flush waits for the write under way, whose context has ended, and writes what is left.
func (d *diary) flush(ctx context.Context, memory Memory) error {
	if d.writing != nil {
		d.settle(<-d.written)
	}
	if err := d.noted.write(ctx, memory); err != nil {
		return err
	}
	d.noted = notes{}
	return nil
}
