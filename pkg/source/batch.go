package source

import (
	"context"

	"github.com/shrike-sec/shrike/pkg/record"
)

// Limits bound one batch. Zero values mean the defaults.
type Limits struct {
	Records int // records and dead letters; default 20,000
	Bytes   int // raw bytes; default 1 MiB. One longer record goes alone
}

func (l Limits) withDefaults() Limits {
	if l.Records <= 0 {
		l.Records = 20_000
	}
	if l.Bytes <= 0 {
		l.Bytes = 1 << 20
	}
	return l
}

// Batch gathers records and dead letters between two acknowledgements. Record and DeadLetter have the shape of
// format.Split's callbacks: they copy what they are given, and send what is gathered when the limits are reached.
// A Batch reuses its memory and is not safe for concurrent use.
type Batch struct {
	ctx      context.Context //nolint:containedctx // lives for one read of an object, whose argument it is
	sink     Sink
	limits   Limits
	acked    func(n int64) error
	records  []record.Record
	letters  []record.DeadLetter
	raw      []byte // the bytes of both
	gathered int64  // since the last acknowledgement
	sent     Counts
}

// Counts is how many records and dead letters a sink has taken.
type Counts struct{ Records, DeadLetters int64 }

// NewBatch makes a Batch for one read of one object. acked, if not nil, is called whenever the sink has taken all that
// was gathered, with how many that were; its error is Flush's.
func NewBatch(ctx context.Context, sink Sink, l Limits, acked func(n int64) error) *Batch {
	return &Batch{ctx: ctx, sink: sink, limits: l.withDefaults(), acked: acked}
}

// Record adds a copy of r.
func (b *Batch) Record(r record.Record) error {
	if err := b.makeRoom(len(r.Raw)); err != nil {
		return err
	}
	r.Raw = b.keep(r.Raw)
	b.records = append(b.records, r)
	return nil
}

// DeadLetter adds a copy of d.
func (b *Batch) DeadLetter(d record.DeadLetter) error {
	if err := b.makeRoom(len(d.Raw)); err != nil {
		return err
	}
	d.Raw = b.keep(d.Raw)
	b.letters = append(b.letters, d)
	return nil
}

// keep copies raw behind the bytes already held. When that moves the buffer, earlier records live on in the old one.
func (b *Batch) keep(raw []byte) []byte {
	b.gathered++
	at := len(b.raw)
	b.raw = append(b.raw, raw...)
	return b.raw[at:len(b.raw):len(b.raw)]
}

func (b *Batch) makeRoom(size int) error {
	n := len(b.records) + len(b.letters)
	if n == 0 || n < b.limits.Records && len(b.raw)+size <= b.limits.Bytes {
		return nil
	}
	return b.Flush()
}

// Flush sends what is gathered. After an error, what the sink has not taken is still there to be flushed again.
func (b *Batch) Flush() error {
	if len(b.records) > 0 {
		if err := b.sink.Records(b.ctx, b.records); err != nil {
			return err
		}
		b.sent.Records += int64(len(b.records))
		b.records = b.records[:0]
	}
	if len(b.letters) > 0 {
		if err := b.sink.DeadLetters(b.ctx, b.letters); err != nil {
			return err
		}
		b.sent.DeadLetters += int64(len(b.letters))
		b.letters = b.letters[:0]
	}
	n := b.gathered
	b.gathered, b.raw = 0, b.raw[:0]
	if n == 0 || b.acked == nil {
		return nil
	}
	return b.acked(n)
}

// Sent returns what the sink has taken of this batch since it was made.
func (b *Batch) Sent() Counts { return b.sent }
