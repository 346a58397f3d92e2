package demo

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse"
	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse/clickhousetest"
)

// TestMain lets this binary be the engine's process too, as the program itself is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "__clickhouse" {
		os.Exit(clickhouse.Child(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// TestRun is the demo itself, small, with its real engines: as it is, and with one rule left out.
func TestRun(t *testing.T) {
	clickhousetest.Need(t)
	const missing = "aws-root-access-key-created"
	for _, c := range []struct {
		name    string
		o       Options
		want    int
		mention []string
	}{
		{"all rules", Options{Seed: 21}, ok, []string{"seed 21", "ALERT  critical", "hunt steady-connections", "every record is there once", "as expected: 3 attacks"}},
		{"without a rule", Options{Seed: 22, Without: []string{missing}}, surprise, []string{"MISSING     " + missing, "not as expected"}},
		{"without attacks", Options{Seed: 23, WithoutAttacks: true}, ok, []string{"no other alert"}},
	} {
		var out bytes.Buffer
		c.o.Out, c.o.Log, c.o.Records = &out, zap.NewNop(), 6000
		began := time.Now()
		got := Run(t.Context(), c.o)
		t.Logf("%s: %s", c.name, time.Since(began))
		if got != c.want {
			t.Errorf("%s: status %d, want %d; said:\n%s", c.name, got, c.want, out.String())
			continue
		}
		for _, m := range c.mention {
			if !strings.Contains(out.String(), m) {
				t.Errorf("%s: does not say %q but:\n%s", c.name, m, out.String())
			}
		}
	}
}
