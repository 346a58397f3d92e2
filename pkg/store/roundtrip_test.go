package store

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/record"
)

// anyText is what a log may hold: empty, repeated, long, not UTF-8, NULs.
var anyText = rapid.OneOf(
	rapid.Just(""), rapid.SampledFrom([]string{"aws", "a\x00b", "\xff\xfe", "né", "'; DROP TABLE api; --", "\\N", "NULL"}),
	rapid.StringN(0, 40, 200), rapid.Custom(func(t *rapid.T) string {
		return string(rapid.SliceOfN(rapid.Byte(), 0, 60).Draw(t, "bytes"))
	}),
)

var anyAddr = rapid.OneOf(
	rapid.Custom(func(t *rapid.T) netip.Addr {
		return netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "v4")))
	}),
	rapid.Custom(func(t *rapid.T) netip.Addr {
		return netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "v6")))
	}),
)

// draw fills an event: each field is there or not, with any value of its type. now keeps event times within retention.
func draw(t *rapid.T, class event.Class, now time.Time) *event.Event {
	e := &event.Event{}
	raw := rapid.SliceOfN(rapid.Byte(), 1, 100).Draw(t, "raw")
	e.Reset(class, &record.Record{Raw: raw})
	copy(e.UID[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "uid"))
	for _, f := range event.Fields() {
		if f.Meta || !f.In(class) {
			continue
		}
		if f.Name == "event_time" {
			e.SetUnixNano(event.EventTime, now.Add(-time.Duration(rapid.Int64Range(0, int64(30*time.Hour)).Draw(t, f.Name))).UnixNano())
			continue
		}
		if !rapid.Bool().Draw(t, "has "+f.Name) {
			continue
		}
		switch f.Type {
		case event.TypeText:
			e.SetText(f.TextField(), anyText.Draw(t, f.Name))
		case event.TypeInt:
			e.SetInt(f.IntField(), rapid.OneOf(rapid.Int64Range(0, 255), rapid.Int64Range(-1, 70000), rapid.Int64()).Draw(t, f.Name))
		case event.TypeFloat:
			e.SetFloat(f.FloatField(), rapid.Float64().Draw(t, f.Name))
		case event.TypeBool:
			e.SetBool(f.BoolField(), rapid.Bool().Draw(t, f.Name))
		case event.TypeAddr:
			e.SetAddr(f.AddrField(), anyAddr.Draw(t, f.Name))
		case event.TypeTime:
			e.SetUnixNano(f.TimeField(), rapid.Int64Range(1, math.MaxInt64/2).Draw(t, f.Name))
		case event.TypeList:
			for _, s := range rapid.SliceOfN(anyText, 0, 4).Draw(t, f.Name) {
				e.AddList(f.ListField(), s)
			}
		case event.TypeObject:
			e.SetObject(f.ObjectField(), event.Object{Raw: anyText.Draw(t, f.Name)})
		}
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "unmapped") {
		e.AddUnmapped(fmt.Sprintf("k%d%s", i, anyText.Draw(t, "key")), anyText.Draw(t, "value"))
	}
	return e
}

// want is what SQL must say of an event's field, as clickhouse-go scans it; out-of-range integers go to unmapped.
func want(e *event.Event, f *event.Field, unmapped map[string]string) any {
	switch f.Type {
	case event.TypeText:
		return e.Text(f.TextField())
	case event.TypeObject:
		return e.Object(f.ObjectField()).Raw
	case event.TypeInt:
		v, ok := e.Int(f.IntField())
		if ok && !newIntegers(f).fits(v) {
			unmapped[f.Name], ok = fmt.Sprint(v), false
		}
		if !ok {
			return "NULL"
		}
		return fmt.Sprint(v)
	case event.TypeFloat:
		if v, ok := e.Float(f.FloatField()); ok {
			return v
		}
		return "NULL"
	case event.TypeBool:
		if v, ok := e.Bool(f.BoolField()); ok {
			return v
		}
		return "NULL"
	case event.TypeAddr:
		b := e.Addr(f.AddrField()).As16()
		return net.IP(b[:]).String()
	case event.TypeTime:
		return time.Unix(0, e.UnixNano(f.TimeField())).UTC()
	case event.TypeList:
		return append([]string{}, e.List(f.ListField())...)
	}
	panic("BUG")
}

// got turns a scanned value into the same shape.
func got(v any) any {
	r := reflect.ValueOf(v).Elem()
	for r.Kind() == reflect.Pointer {
		if r.IsNil() {
			return "NULL"
		}
		r = r.Elem()
	}
	switch x := r.Interface().(type) {
	case net.IP:
		return x.String()
	case uint8, uint16, uint32, uint64, int32, int64:
		return fmt.Sprint(x)
	case time.Time:
		return x.UTC()
	default:
		return x
	}
}

// What goes in by the field table comes out by SQL: texts byte for byte, numbers, times to the nanosecond; missing is ”,
// ::, NULL, never a value.
func TestEveryFieldComesBack(t *testing.T) {
	t.Parallel()
	s, _ := migrated(t)
	now := time.Now()
	var from int64
	rapid.Check(t, func(rt *rapid.T) {
		class := rapid.SampledFrom(event.LogClasses()).Draw(rt, "class")
		n := rapid.IntRange(1, 5).Draw(rt, "events")
		b := NewBatch(Range{Epoch: 1, Topic: "records." + class.String(), Partition: 0, From: from, To: from + int64(n)})
		var events []*event.Event
		for i := range n {
			e := draw(rt, class, now)
			e.Position.Offset = from + int64(i)
			b.Event(e)
			events = append(events, e)
		}
		if err := s.Insert(t.Context(), b, false); err != nil {
			rt.Fatal(err)
		}
		columns := "event_uid, raw, unmapped, idx, `offset`"
		var fields []*event.Field
		for _, f := range event.Fields() {
			if !f.Meta && f.In(class) {
				fields = append(fields, f)
				name := f.Name
				if f.Type == event.TypeObject {
					name = jsonColumn(f)
				}
				columns += ", `" + name + "`"
			}
		}
		row := 0
		err := s.query(t.Context(), func(rows driver.Rows) error {
			dest := make([]any, len(rows.ColumnTypes()))
			for i, c := range rows.ColumnTypes() {
				dest[i] = reflect.New(c.ScanType()).Interface()
			}
			if err := rows.Scan(dest...); err != nil {
				return err
			}
			e := events[row]
			row++
			unmapped := map[string]string{}
			for i, f := range fields {
				if diff := cmp.Diff(want(e, f, unmapped), got(dest[i+5])); diff != "" {
					rt.Errorf("%s.%s (-want +got):\n%s", class, f.Name, diff)
				}
			}
			for _, p := range e.Unmapped {
				unmapped[p.Key] = p.Value
			}
			for i, w := range []any{e.UID.String(), string(e.Record.Raw), unmapped} {
				if diff := cmp.Diff(w, got(dest[i])); diff != "" {
					rt.Errorf("%s column %d (-want +got):\n%s", class, i, diff)
				}
			}
			return nil
		}, fmt.Sprintf("SELECT %s FROM %s WHERE `offset` >= ? AND `offset` < ? AND topic = ? ORDER BY `offset`", columns, class),
			uint64(from), uint64(from+int64(n)), "records."+class.String())
		if err != nil {
			rt.Fatal(err)
		}
		if row != n {
			rt.Errorf("got %d rows, want %d", row, n)
		}
		from += int64(n)
	})
}
