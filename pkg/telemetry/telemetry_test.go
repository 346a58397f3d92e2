package telemetry

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"
)

func TestLoggerWritesJSONAboveItsLevel(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log, err := NewLogger(LogOptions{Level: "info", Format: "json", Out: &out})
	if err != nil {
		t.Fatal(err)
	}
	log.Debug("not this one")
	log.Named("store").Info("insert done", zap.Int("rows", 3))
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("not one JSON line: %q: %v", out.String(), err)
	}
	if got["message"] != "insert done" || got["logger"] != "store" || got["rows"] != 3.0 {
		t.Errorf("line is %q", out.String())
	}
}

func TestLoggerSamplesAFlood(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log, err := NewLogger(LogOptions{Level: "info", Format: "console", Out: &out})
	if err != nil {
		t.Fatal(err)
	}
	for range 900 {
		log.Info("record refused")
	}
	// The flood may straddle two sampling seconds.
	if got := strings.Count(out.String(), "\n"); got < sampleFirst || got > 2*sampleFirst {
		t.Errorf("%d lines of 900 equal ones, want about %d", got, sampleFirst)
	}
}

func TestLoggerRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, o := range []LogOptions{{Level: "loud", Format: "json"}, {Level: "info", Format: "xml"}} {
		if _, err := NewLogger(o); err == nil {
			t.Errorf("NewLogger(%+v) is no error", o)
		}
	}
}

func TestRegistry(t *testing.T) {
	t.Parallel()
	reg := NewRegistry()
	n, err := testutil.GatherAndCount(reg, "shrike_build_info", "go_goroutines", "process_start_time_seconds")
	if err != nil || n != 3 {
		t.Errorf("registry has %d of 3 metrics, %v", n, err)
	}
}
