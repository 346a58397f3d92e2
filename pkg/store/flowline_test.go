package store

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format/vpcflow"
	"github.com/shrike-sec/shrike/pkg/record"
)

// flowLine makes a line that is mostly usual: each column is now and then missing, odd, or of a kind that the table does
// not give back byte for byte.
func flowLine(random *rand.Rand, now time.Time) string {
	start := now.Unix() - random.Int64N(3600)
	columns := []string{
		"2", "123456789012", fmt.Sprintf("eni-%08x", random.Uint32()), fmt.Sprintf("10.0.%d.%d", random.IntN(256), random.IntN(256)),
		fmt.Sprintf("203.0.113.%d", random.IntN(256)), fmt.Sprint(random.IntN(65536)), fmt.Sprint(random.IntN(65536)), "6",
		fmt.Sprint(random.IntN(1000)), fmt.Sprint(random.Uint64N(1 << 40)), fmt.Sprint(start), fmt.Sprint(start + 60), "ACCEPT", "OK",
	}
	odd := map[int][]string{
		0: {"02", "5"}, 1: {"unknown", "012345678901"}, 2: {"-"}, 3: {"2001:db8::1", "::ffff:10.1.2.3", "::", "0.0.0.0", "-"},
		4: {"-", "fe80::1"}, 5: {"007", "-", "0"}, 6: {"-"}, 7: {"-", "255"}, 8: {"-", "00"}, 9: {"-", "9223372036854775807"},
		11: {"-", fmt.Sprint(start) + " "}, 12: {"REJECT", "-", "accept"}, 13: {"NODATA", "SKIPDATA", "OK "},
	}
	for column, values := range odd {
		if random.IntN(25) == 0 {
			columns[column] = values[random.IntN(len(values))]
		}
	}
	return strings.Join(columns, []string{" ", " ", " ", "  "}[random.IntN(4)/3*3])
}

// The column raw of a flow gives back the line as it came, byte for byte, whether it was kept or can be put together.
func TestFlowLinesComeBack(t *testing.T) {
	t.Parallel()
	s, d := migrated(t)
	now := time.Now()
	random := rand.New(rand.NewPCG(7, uint64(now.UnixNano())))
	const n = 3000
	r := Range{Epoch: 1, Topic: "records.flow", To: n}
	b := NewBatch(r)
	parser := vpcflow.Spec().New()
	lines := map[uint64]string{}
	for o := range int64(n) {
		line := flowLine(random, now)
		rec := &record.Record{Raw: []byte(line), Format: "vpcflow"}
		err := parser.Parse(rec, func(e *event.Event) {
			e.Position = record.Position{Epoch: 1, Topic: r.Topic, Offset: o}
			b.Event(e)
			lines[uint64(o)] = line
		})
		clear(rec.Raw) // the batch must have copied what aliases it
		if err != nil {
			continue // not a flow log line
		}
	}
	insert(t, s, b)
	seen := 0
	err := s.query(t.Context(), func(row driver.Rows) error {
		var offset uint64
		var raw string
		if err := row.Scan(&offset, &raw); err != nil {
			return err
		}
		seen++
		if raw != lines[offset] {
			t.Errorf("got  %q\nwant %q", raw, lines[offset])
		}
		return nil
	}, "SELECT `offset`, raw FROM flow")
	if err != nil {
		t.Fatal(err)
	}
	if seen != len(lines) || seen < n/2 {
		t.Errorf("got %d rows, want %d", seen, len(lines))
	}
	kept := one(t, d, "SELECT countIf(raw_kept != '') FROM "+d.Name+".flow")
	t.Logf("%s of %d lines are kept", kept, seen)
	if one(t, d, "SELECT countIf(raw_kept = '') > count() / 4 AND countIf(raw_kept != '') > 0 FROM "+d.Name+".flow") != "1" {
		t.Errorf("%s of %d lines are kept: want some but not most", kept, seen)
	}
}
