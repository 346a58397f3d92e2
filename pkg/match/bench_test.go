package match

import (
	"fmt"
	"testing"

	"github.com/shrike-sec/shrike/pkg/event"
)

// BenchmarkFrame is what the way through Kafka costs a signal with one sample: writing and reading its JSON.
func BenchmarkFrame(b *testing.B) {
	rules := testRules()
	m := newMatcher(rules, all(rules))
	var events []*event.Event
	for n := range 1000 {
		events = append(events, newEvent(n, int64(n)*second, byte(n), fmt.Sprint("E", n%60), event.Success))
	}
	f := &Frame{To: 1, Signals: signalsOf(m, events, 1)[0]}
	msgs, err := Encode(f, 900_000)
	if err != nil {
		b.Fatal(err)
	}
	per := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(f.Signals)), "ns/signal")
	}
	b.Run("encode", func(b *testing.B) {
		for b.Loop() {
			if _, err := Encode(f, 900_000); err != nil {
				b.Fatal(err)
			}
		}
		per(b)
	})
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			var a Assembler
			for _, msg := range msgs {
				if _, err := a.Add(msg); err != nil {
					b.Fatal(err)
				}
			}
		}
		per(b)
	})
}
