package pipeline

import (
	"context"
	"slices"
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
// is away: over maxBuckets the oldest are given up.
type diary struct {
	noted   notes      // in no write yet
	writing *notes     // in the write under way; nil when there is none
	covers  checkpoint // what may be committed when that write has succeeded
	written chan error // its answer
}

// writeWithin bounds one write.
const writeWithin = 10 * time.Second

// maxBuckets is how many rows of baselines wait for the memory, some 200 bytes each.
const maxBuckets = 400_000

// note adds rows and returns how many were given up for that.
func (d *diary) note(n notes) (lost int) {
	d.noted.add(n)
	return d.bound()
}

// bound gives up the oldest rows of baselines while there are too many, some more than needed, since what remains is moved.
func (d *diary) bound() (lost int) {
	if n := len(d.noted.buckets); n > maxBuckets {
		lost = n - maxBuckets*7/8
		d.noted.buckets = slices.Delete(d.noted.buckets, 0, lost)
	}
	return lost
}

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

// settle takes the answer of a write: what may be committed now, or everything is to be written again, but for what was given up.
func (d *diary) settle(err error) (covered checkpoint, lost int, ok bool) {
	if err != nil {
		d.writing.add(d.noted)
		d.noted = *d.writing
		lost = d.bound()
	}
	d.writing, d.written = nil, nil
	return d.covers, lost, err == nil
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
