package store

import (
	"net/netip"
	"strconv"

	"github.com/shrike-sec/shrike/pkg/event"
)

// A flow log line of the default layout says nothing that its columns do not: keeping it would double the table. So it
// is kept only when putting the columns together again does not give the very same bytes (another layout, leading
// zeros, IPv6, a trailing blank); the column raw gives the line either way. appendFlowLine is the proof for each row and
// the ALIAS raw of the table (flowRawSQL in schema_test.go) its twin in ClickHouse; a test holds them together.

// flowRawColumn holds the lines that must be kept.
const flowRawColumn = "raw_kept"

// appendFlowLine appends the line of the default layout that the event's fields make; ok is false where SQL could not
// make the same one.
func appendFlowLine(dst []byte, e *event.Event) (line []byte, ok bool) {
	text := func(f event.TextField) {
		if v := e.Text(f); v != "" {
			dst = append(dst, v...)
		} else {
			dst = append(dst, '-')
		}
		dst = append(dst, ' ')
	}
	number := func(f event.IntField) {
		if v, has := e.Int(f); has {
			dst = strconv.AppendInt(dst, v, 10)
		} else {
			dst = append(dst, '-')
		}
		dst = append(dst, ' ')
	}
	ok = true
	addr := func(a netip.Addr) {
		switch {
		case a.Is4():
			dst = a.AppendTo(dst)
		case a.IsValid():
			ok = false // texts of IPv6 addresses differ between writers
		default:
			dst = append(dst, '-')
		}
		dst = append(dst, ' ')
	}
	seconds := func(f event.TimeField) {
		if ns := e.UnixNano(f); ns != 0 {
			dst = strconv.AppendInt(dst, ns/1e9, 10)
		} else {
			dst = append(dst, '-')
		}
		dst = append(dst, ' ')
	}
	number(event.FlowVersion)
	text(event.AccountID)
	text(event.InterfaceID)
	addr(e.Addr(event.SrcIP))
	addr(e.Addr(event.DstIP))
	number(event.SrcPort)
	number(event.DstPort)
	number(event.Protocol)
	number(event.Packets)
	number(event.Bytes)
	seconds(event.EventTime)
	seconds(event.EndTime)
	text(event.Action)
	text(event.LogStatus)
	return dst[:len(dst)-1], ok
}
