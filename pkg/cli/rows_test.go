package cli

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"
)

func TestRowPrinters(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 8, 0, 0, 5e6, time.UTC)
	columns := []string{"text", "null", "number", "time", "list", "nan", "map"}
	values := []any{
		"a,\"b\"\x1b[0m", nil, int64(7), at, []string{"x", "y"}, math.NaN(),
		map[string]uint64{"k": 1},
	}
	for output, want := range map[string]string{
		"json": `{"text":"a,\"b\"\u001b[0m","null":null,"number":7,"time":"2026-03-01T08:00:00.005Z","list":["x","y"],"nan":"NaN","map":{"k":1}}` + "\n",
		"csv":  "text,null,number,time,list,nan,map\n" + `"a,""b""` + "\x1b[0m\"" + `,,7,2026-03-01 08:00:00.005,"[""x"",""y""]",NaN,"{""k"":1}"` + "\n",
	} {
		var out bytes.Buffer
		p := newRowPrinter(&out, output, columns)
		if err := p.row(values); err != nil {
			t.Fatal(err)
		}
		if err := p.end(); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Errorf("%s:\n got %s\nwant %s", output, out.String(), want)
		}
	}
	var out bytes.Buffer
	p := newRowPrinter(&out, "table", columns)
	if err := p.row(values); err != nil {
		t.Fatal(err)
	}
	if err := p.end(); err != nil || strings.Contains(out.String(), "\x1b") || !strings.Contains(out.String(), `["x","y"]`) {
		t.Errorf("table, %v:\n%s", err, out.String())
	}
}
