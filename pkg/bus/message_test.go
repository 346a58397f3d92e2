package bus_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/bus"
	"github.com/shrike-sec/shrike/pkg/record"
)

func TestRecordMessagesRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String()
		r := record.Record{
			Raw: rapid.SliceOf(rapid.Byte()).Draw(t, "raw"),
			Origin: record.Origin{
				Source: text.Draw(t, "source"), Object: text.Draw(t, "object"),
				Offset: rapid.Int64Min(-1).Draw(t, "offset"), Line: rapid.Int64Min(0).Draw(t, "line"),
			},
			Format: text.Draw(t, "format"), Layout: text.Draw(t, "layout"),
		}
		if ns := rapid.Int64().Draw(t, "received"); ns != 0 {
			r.Received = time.Unix(0, ns).UTC()
		}
		m := bus.RecordMessage("records.api", &r)
		got, err := bus.ReadRecord(&m)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, got); diff != "" {
			t.Fatalf("record (-want +got):\n%s", diff)
		}
		d := record.DeadLetter{
			Record: r, Reason: rapid.SampledFrom(record.Reasons()).Draw(t, "reason"),
			Detail: text.Draw(t, "detail"), Size: rapid.Int64().Draw(t, "size"),
		}
		m = bus.DeadLetterMessage(&d)
		gotD, err := bus.ReadDeadLetter(&m)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(d, gotD); diff != "" {
			t.Fatalf("dead letter (-want +got):\n%s", diff)
		}
	})
}

func TestReadRecordRefusesOtherSchemas(t *testing.T) {
	t.Parallel()
	for _, m := range []bus.Message{
		{Value: []byte("x")},
		{Value: []byte("x"), Headers: []bus.Header{{Key: "schema", Value: []byte("99")}}},
		{Value: []byte("x"), Headers: []bus.Header{{Key: "schema", Value: []byte("1")}, {Key: "offset", Value: []byte("many")}}},
	} {
		if r, err := bus.ReadRecord(&m); err == nil {
			t.Errorf("headers %v: got record %v, want an error", m.Headers, r)
		}
	}
}

func BenchmarkSend(b *testing.B) {
	ctx, c := setUp(b, "records.api", 2)
	p := c.NewProducer(bus.ProducerOptions{})
	value := bytes.Repeat([]byte("0123456789abc"), 100)
	r := record.Record{Raw: value, Origin: record.Origin{Source: "file:trail", Object: "trail/2026/01/02.json.gz", Offset: 1, Line: 1},
		Received: time.Now(), Format: "cloudtrail"}
	msgs := make([]bus.Message, 1000)
	for i := range msgs {
		msgs[i] = bus.RecordMessage("records.api", &r)
	}
	b.SetBytes(int64(len(value)))
	b.ReportAllocs()
	for n := 0; n < b.N; n += len(msgs) {
		if err := p.Send(ctx, msgs...); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	ctx, c := setUp(b, "records.api", 1)
	p := c.NewProducer(bus.ProducerOptions{})
	value := bytes.Repeat([]byte("0123456789abc"), 100)
	r := record.Record{Raw: value, Origin: record.Origin{Source: "file:trail", Object: "trail/2026/01/02.json.gz", Offset: 1, Line: 1},
		Received: time.Now(), Format: "cloudtrail"}
	msgs := make([]bus.Message, 1000)
	for i := range msgs {
		msgs[i] = bus.RecordMessage("records.api", &r)
	}
	for range 50 {
		if err := p.Send(ctx, msgs...); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(value)))
	b.ReportAllocs()
	b.ResetTimer()
	rd := c.NewReader("records.api", 0, 0)
	for n := 0; n < b.N; {
		batch, err := rd.ReadBatch(ctx)
		if err != nil {
			b.Fatal(err)
		}
		if n += len(batch); len(batch) == 0 {
			rd = c.NewReader("records.api", 0, 0)
		}
		if rd.Next() == rd.End() {
			rd = c.NewReader("records.api", 0, 0)
		}
	}
}
