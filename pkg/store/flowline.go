package store

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
)

// A flow log line of the default layout says nothing that its columns do not: keeping it would double the table. So it
// is kept only when putting the columns together again does not give the very same bytes (another layout, leading
// zeros, IPv6, a trailing blank); the column raw gives the line either way. appendFlowLine is the proof for each row and
// flowRawSQL its twin in ClickHouse; a test holds them together.

// flowRawColumn holds the lines that must be kept.
const flowRawColumn = "raw_kept"

// flowRawSQL is the expression of flow's column raw.
var flowRawSQL = func() string {
	text := func(c string) string { return fmt.Sprintf("if(%s = '', '-', %s)", c, c) }
	number := func(c string) string { return fmt.Sprintf("ifNull(toString(%s), '-')", c) }
	addr := func(c string) string {
		return fmt.Sprintf("if(%s = toIPv6('::'), '-', substring(toString(%s), 8))", c, c) // without ::ffff:
	}
	seconds := func(c string) string {
		return fmt.Sprintf("if(toUnixTimestamp64Nano(%s) = 0, '-', toString(intDiv(toUnixTimestamp64Nano(%s), 1000000000)))", c, c)
	}
	parts := []string{
		number("flow_version"), text("account_id"), text("interface_id"), addr("src_ip"), addr("dst_ip"),
		number("src_port"), number("dst_port"), number("protocol"), number("packets"), number("bytes"),
		seconds("event_time"), seconds("end_time"), text("action"), text("log_status"),
	}
	return fmt.Sprintf("if(%s != '', %s, concatWithSeparator(' ', %s))", flowRawColumn, flowRawColumn, strings.Join(parts, ", "))
}()

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
