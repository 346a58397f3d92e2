package correlate

import (
	"encoding/json"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// BenchmarkApply is 20 windowed rules over 100,000 group keys, spread over the rules: what a shard does once frames are
// decoded. bytes/key is the heap that the state takes, after one signal a key.
func BenchmarkApply(b *testing.B) {
	for _, samples := range []int{0, 1} {
		b.Run(fmt.Sprintf("samples=%d", samples), func(b *testing.B) { benchmarkApply(b, samples) })
	}
}

func benchmarkApply(b *testing.B, samples int) {
	const keys, perFrame = 100_000, 1000
	var rules []*rule.Rule
	for n := range 20 {
		rules = append(rules, testRule(fmt.Sprint("rule", n), func(r *rule.Rule) {
			switch n % 3 {
			case 0:
				r.Threshold = &rule.Threshold{Count: 50, Within: 10 * time.Minute}
			case 1:
				r.Sum = &rule.Sum{Of: key("bytes_out"), Total: 1e12, Within: time.Hour}
			case 2:
				r.Distinct = &rule.Distinct{Of: key("event_name"), Count: 50, Within: 5 * time.Minute}
			}
			r.Dedup = time.Hour
		}))
	}
	var actors []string
	for n := range keys {
		actors = append(actors, fmt.Sprintf("arn:aws:iam::111122223333:user/%05d", n))
	}
	next := 0
	makeFrame := func() *match.Frame {
		f := frame(0, int64(next), int64(next+perFrame), int64(next)*second/100)
		for range perFrame {
			r := rules[next%len(rules)]
			at := int64(next) * second / 100
			s := match.Signal{Rule: r.ID, Hash: r.Hash, Key: []string{actors[next%keys]}, Time: at - at%(14*second), First: at, Last: at, Count: 1, Severity: "low"}
			if r.Distinct != nil {
				s.Hashes = []uint64{uint64(next % 30)}
			}
			if samples > 0 {
				s.Samples = []match.Sample{{EventUID: fmt.Sprintf("%032x", next), NativeID: "0a6f1c1e-6f0c-4c1b-9a3c-5d2f7a1b0c01", Class: "api", EventTime: at,
					Fields: map[string]json.RawMessage{"actor": json.RawMessage(`"` + s.Key[0] + `"`), "event_name": json.RawMessage(`"GetObject"`)}}}
			}
			f.Signals = append(f.Signals, s)
			next++
		}
		return f
	}
	g := newEngine(rules, Options{})
	before := heapBytes()
	for range keys / perFrame {
		g.Apply(makeFrame(), 0)
	}
	perKey := float64(heapBytes()-before) / keys
	counted := int64(0)
	for _, s := range g.Stats().Rules {
		counted += s.Bytes
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		f := makeFrame()
		b.StartTimer()
		g.Apply(f, 0)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/perFrame, "ns/signal")
	b.ReportMetric(perKey, "bytes/key")
	b.ReportMetric(float64(counted)/keys, "counted-bytes/key")
}

func heapBytes() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkHotGroup is one busy group of each kind: a signal a second that fires all the time.
func BenchmarkHotGroup(b *testing.B) {
	for name, set := range map[string]func(*rule.Rule){
		"threshold": func(r *rule.Rule) { r.Threshold = &rule.Threshold{Count: 10, Within: 10 * time.Minute} },
		"distinct": func(r *rule.Rule) {
			r.Distinct = &rule.Distinct{Of: key("event_name"), Count: 900, Within: 10 * time.Minute}
		},
	} {
		b.Run(name, func(b *testing.B) {
			r := testRule("hot", set)
			g := newEngine([]*rule.Rule{r}, Options{})
			var hashes []uint64
			for n := range 1000 {
				hashes = append(hashes, uint64(n)<<50)
			}
			for n := range b.N {
				at := int64(n) * second
				s := hitAt(r, n, "eva", at)
				if r.Distinct != nil {
					s.Hashes = hashes
				}
				g.Apply(frame(0, int64(n), int64(n+1), at, s), int64(n))
			}
		})
	}
}

// BenchmarkShuffledGroup is a scan's worst case: one group, 200,000 signals in no order at all, nothing dropped.
func BenchmarkShuffledGroup(b *testing.B) {
	const signals, perFrame = 200_000, 10_000
	r := testRule("hot", func(r *rule.Rule) { r.Threshold = &rule.Threshold{Count: 10, Within: 10 * time.Minute} })
	for b.Loop() {
		g := newEngine([]*rule.Rule{r}, Options{KeepAll: true, MaxBytes: 1 << 40})
		for from := 0; from < signals; from += perFrame {
			f := frame(0, int64(from), int64(from+perFrame), 0)
			for n := from; n < from+perFrame; n++ {
				f.Signals = append(f.Signals, hitAt(r, n, "eva", int64(n)*7919%signals*10*second))
			}
			g.Apply(f, int64(from))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/signals, "ns/signal")
}
