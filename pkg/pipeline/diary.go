package pipeline

import (
	"context"
	"time"

	"github.com/shrike-sec/shrike/pkg/correlate"
)

// Memory is where first-seen values are kept. WriteMemos returns when they are durable.
type Memory interface {
	Memos(ctx context.Context, ruleHashes []string) ([]correlate.Memo, error)
	WriteMemos(ctx context.Context, memos []correlate.Memo) error
}

// diary is the first-seen values on their way to the memory. A shard commits no offset behind a value that is not
// durable. It writes beside the shard's own goroutine, so that a memory that hangs delays commits and not alerts. What
// it holds is bounded by the engine's state, of which each value is noted once.
type diary struct {
	memos   []correlate.Memo // noted, and in no write yet
	writing []correlate.Memo // in the write under way; nil when there is none
	covers  int64            // offset that may be committed when that write has succeeded
	written chan error       // its answer
}

// writeWithin bounds one write.
const writeWithin = 10 * time.Second

func (d *diary) note(memos []correlate.Memo) { d.memos = append(d.memos, memos...) }

// write hands what was noted to the memory; covers is the offset that all of it stems from before. Its goroutine ends
// with ctx or after writeWithin, and settle or flush receives its answer.
func (d *diary) write(ctx context.Context, memory Memory, covers int64) {
	d.writing, d.memos, d.covers, d.written = d.memos, nil, covers, make(chan error, 1)
	go func(memos []correlate.Memo, written chan<- error) {
		ctx, cancel := context.WithTimeout(ctx, writeWithin)
		defer cancel()
		written <- memory.WriteMemos(ctx, memos)
	}(d.writing, d.written)
}

// settle takes the answer of a write: the offset that may be committed now, or everything is to be written again.
func (d *diary) settle(err error) (covered int64, ok bool) {
	if err != nil {
		d.memos = append(d.writing, d.memos...)
	}
	d.writing, d.written = nil, nil
	return d.covers, err == nil
}

// flush waits for the write under way, whose context has ended, and writes what is left.
func (d *diary) flush(ctx context.Context, memory Memory) error {
	if d.writing != nil {
		d.settle(<-d.written)
	}
	if len(d.memos) == 0 {
		return nil
	}
	if err := memory.WriteMemos(ctx, d.memos); err != nil {
		return err
	}
	d.memos = nil
	return nil
}
