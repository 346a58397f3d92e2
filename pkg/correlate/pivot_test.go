package correlate

import (
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestFill(t *testing.T) {
	t.Parallel()
	values := map[string][]string{
		"actor": {`o'brien\`}, "n": {"42"}, "neg": {"-7"}, "f": {"1.5"}, "bad": {"1 OR 1=1"}, "ip": {"198.51.100.7"}, "ok": {"true"},
		"first_event_time": {"2026-03-01T09:14:07Z"}, "last_event_time": {"2026-03-01T09:14:07.25Z"}, "list": {"a", "b'"}, "nl": {"a\n\x00\xff"},
		"again": {"{n:UInt8}"},
	}
	for _, c := range []struct{ sql, want string }{
		{"a = {actor:String} AND b", `a = 'o\'brien\\' AND b`},
		{"{n:UInt16} {neg:Int8} {f:Float64} {ok:Bool}", "42 -7 1.5 true"},
		{"{bad:UInt64} {bad:Int32} {bad:Float64} {bad:Bool} {bad:IPv6} {bad:DateTime64(9)}", "NULL NULL NULL NULL NULL NULL"},
		{"{neg:UInt8} {missing:String} {missing:UInt8}", "NULL '' NULL"},
		{"{ip:IPv6} {ip:IPv4}", "toIPv6('198.51.100.7') toIPv4('198.51.100.7')"},
		{"{first_event_time:DateTime64(9)} {last_event_time:DateTime64(9, 'UTC')}", "'2026-03-01 09:14:07' '2026-03-01 09:14:07.25'"},
		{"{last_event_time:DateTime} {last_event_time:Date}", "'2026-03-01 09:14:07' '2026-03-01'"},
		{"{list:Array(String)} {missing:Array(UInt8)} {n:Array(Nullable(UInt8))}", `['a', 'b\''] [] [42]`},
		{"{actor:LowCardinality(Nullable(String))}", `'o\'brien\\'`},
		{"{nl:String}", `'a\x0A\x00\xFF'`},
		{"{again:String}", "'{n:UInt8}'"},
		{"{no type} {open", "{no type} {open"},
	} {
		if got := Fill(c.sql, func(name string) []string { return values[name] }); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.sql, got, c.want)
		}
	}
}

// skeleton reads SQL as ClickHouse's lexer reads it and returns it without what is inside text literals; ok is false when
// a literal does not end.
func skeleton(sql string) (out string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(sql); i++ {
		b.WriteByte(sql[i])
		if sql[i] != '\'' {
			continue
		}
		for i++; ; i++ {
			if i >= len(sql) {
				return b.String(), false
			}
			if sql[i] == '\\' {
				i++
			} else if sql[i] == '\'' {
				if i+1 < len(sql) && sql[i+1] == '\'' { // two quotes are one quote inside the literal
					i++
					continue
				}
				break
			}
		}
		b.WriteByte('\'')
	}
	return b.String(), true
}

// Deleting the escape of quotes or of backslashes in quoteSQL makes this fail.
func TestNobodyGetsOutOfALiteral(t *testing.T) {
	t.Parallel()
	const sql = "SELECT * FROM api WHERE a = {a:String} AND b IN {a:Array(String)} AND d > {a:DateTime64(9)} AND e = {a:IPv6} LIMIT 1"
	evil := rapid.OneOf(
		rapid.StringOfN(rapid.SampledFrom([]rune(`'\ax{}:;-/*`+"\n\x00")), 0, 12, -1),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 12), func(b []byte) string { return string(b) }),
	)
	rapid.Check(t, func(t *rapid.T) {
		v := evil.Draw(t, "value")
		got := Fill(sql, func(string) []string { return []string{v} })
		bones, ok := skeleton(got)
		address := "NULL"
		if _, err := netip.ParseAddr(v); err == nil {
			address = "toIPv6('')" // "::" is drawn now and then
		}
		if want := "SELECT * FROM api WHERE a = '' AND b IN [''] AND d > NULL AND e = " + address + " LIMIT 1"; !ok || bones != want {
			t.Fatalf("value %q breaks out: %s", v, got)
		}
		if !utf8.ValidString(got) || strings.ContainsAny(got, "\x00\n") {
			t.Fatalf("value %q leaves bytes that are not text: %q", v, got)
		}
	})
}
