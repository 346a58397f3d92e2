package simulate

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fastjson"
)

var start = time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC)

// all runs a simulation and calls see for each record.
func all(o Options, see func(l *Log)) (n int) {
	g := New(o)
	var l Log
	for g.Next(&l) {
		see(&l)
		n++
	}
	return n
}

func TestSameSeedSameLogs(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) []byte {
		var b bytes.Buffer
		all(Options{Seed: seed, Start: start, Records: 5000, Attacks: Attacks()}, func(l *Log) {
			b.Write(l.Raw)
			b.WriteByte('\n')
		})
		return b.Bytes()
	}
	a := run(7)
	if !bytes.Equal(a, run(7)) {
		t.Error("two runs of one seed differ")
	}
	if bytes.Equal(a, run(8)) {
		t.Error("two seeds give the same logs")
	}
}

func TestOrderAmountAndSpan(t *testing.T) {
	t.Parallel()
	for _, want := range []int{20_000, 200_000} {
		last := start.Add(-10 * 24 * time.Hour)
		perHour := map[int]int{}
		got := all(Options{Seed: 3, Start: start, Records: want, History: 10 * 24 * time.Hour}, func(l *Log) {
			if at := l.Time.Truncate(time.Second); at.Before(last) {
				t.Fatalf("record of %s after one of %s", l.Time, last)
			} else {
				last = at
			}
			if !l.Time.Before(start) {
				perHour[l.Time.Hour()]++
			}
		})
		if got < want*8/10 || got > want*12/10 {
			t.Errorf("Records %d gave %d", want, got)
		}
		if end := start.Add(24 * time.Hour); !last.Before(end) || end.Sub(last) > 10*time.Minute {
			t.Errorf("Records %d: last record at %s", want, last)
		}
		if perHour[14] < 2*perHour[2] {
			t.Errorf("Records %d: %d records at two in the afternoon, %d at two in the morning", want, perHour[14], perHour[2])
		}
	}
}

// TestLooksLikeACompany pins what makes the background worth testing on.
func TestLooksLikeACompany(t *testing.T) {
	t.Parallel()
	var sizes []int
	names, actors, formats := map[string]int{}, map[string]int{}, map[string]int{}
	var total, failed, writes, six int
	var p fastjson.Parser
	all(Options{Seed: 11, Start: start, Records: 100_000}, func(l *Log) {
		formats[l.Format]++
		if bytes.Contains(l.Raw, []byte("2001:db8:")) {
			six++
		}
		if l.Format != "cloudtrail" {
			return
		}
		v, err := p.ParseBytes(l.Raw)
		if err != nil {
			t.Fatalf("%v in %s", err, l.Raw)
		}
		total++
		sizes = append(sizes, len(l.Raw))
		names[string(v.GetStringBytes("eventName"))]++
		actors[string(v.GetStringBytes("userIdentity", "arn"))]++
		if v.Exists("errorCode") {
			failed++
		}
		if !v.GetBool("readOnly") {
			writes++
		}
	})
	slices.Sort(sizes)
	if m := sizes[len(sizes)/2]; m < 1200 || m > 1400 {
		t.Errorf("median CloudTrail record is %d bytes, want 1,200 to 1,400", m)
	}
	if len(names) < 60 {
		t.Errorf("%d event names, want 60", len(names))
	}
	if share := failed * 1000 / total; share < 10 || share > 80 {
		t.Errorf("%d of 1,000 calls fail", share)
	}
	if share := writes * 100 / total; share < 8 || share > 35 {
		t.Errorf("%d %% of calls are writes", share)
	}
	var top, all int
	for _, n := range actors {
		top, all = max(top, n), all+n
	}
	if top*len(actors) < 5*all {
		t.Errorf("the busiest of %d actors makes %d of %d calls: not skewed", len(actors), top, all)
	}
	if six == 0 {
		t.Error("no IPv6")
	}
	for _, f := range []string{"cloudtrail", "vpcflow", "s3access", "alb", "nginx"} {
		if formats[f] < 3000 {
			t.Errorf("%d records of %s", formats[f], f)
		}
	}
	t.Logf("formats %v, %d names, %d actors, median %d bytes, %d failed and %d writes of %d", formats, len(names), len(actors), sizes[len(sizes)/2], failed, writes, total)
}

func TestRunsForLong(t *testing.T) {
	t.Parallel()
	days := map[string]bool{}
	all(Options{Seed: 2, Start: start.Add(15 * time.Hour), Duration: 72 * time.Hour, Records: 30_000}, func(l *Log) {
		if strings.Contains(string(l.Raw), "ConsoleLogin") {
			days[l.Time.Format(time.DateOnly)] = true
		}
	})
	if len(days) < 3 {
		t.Errorf("people work on %d days of four", len(days))
	}
}

func BenchmarkNext(b *testing.B) {
	g := New(Options{Seed: 1, Start: start, Records: 50_000_000})
	b.ReportAllocs()
	var l Log
	var n int64
	for b.Loop() {
		if !g.Next(&l) {
			b.Fatal("the simulation ended")
		}
		n += int64(len(l.Raw))
	}
	b.ReportMetric(float64(n)/float64(b.N), "B/record")
}
