package app

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/builtin"
	"github.com/shrike-sec/shrike/pkg/bus"
	"github.com/shrike-sec/shrike/pkg/embedded/kafka/kafkatest"
	"github.com/shrike-sec/shrike/pkg/pipeline"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/source"
	"github.com/shrike-sec/shrike/pkg/source/file"
	sourcehttp "github.com/shrike-sec/shrike/pkg/source/http"
	"github.com/shrike-sec/shrike/pkg/source/sourcetest"
)

// announced is a sink that says when it is offered records, before it passes them on.
type announced struct {
	source.Sink
	offered chan struct{}
}

func (a announced) Records(ctx context.Context, rs []record.Record) error {
	a.offered <- struct{}{}
	return a.Sink.Records(ctx, rs)
}

// While a disk is full HTTP answers 429 and says when to come back, other sources wait, and one alert says so. When
// there is room, all go on.
func TestGuardKeepsRecordsOutWhileADiskIsFull(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	b, err := bus.New(bus.Config{Brokers: []string{kafkatest.Start(t).Addr()}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.EnsureTopics(ctx, []bus.Topic{{Name: bus.Alerts, Partitions: 1}}); err != nil {
		t.Fatal(err)
	}
	var percent atomic.Int64
	g := &guard{
		disks: []disk{
			{"unknown", func(context.Context) (float64, error) { return 1, errors.New("no such disk") }},
			{"data", func(context.Context) (float64, error) { return float64(percent.Load()) / 100, nil }},
			{"ClickHouse", func(context.Context) (float64, error) { return 0.5, nil }},
		},
		limit: 0.9, producer: b.NewProducer(bus.ProducerOptions{}), log: zap.NewNop(), used: prometheus.NewGauge(prometheus.GaugeOpts{Name: "used"}),
	}
	in, err := sourcehttp.New(sourcehttp.Options{Registry: builtin.Formats(), Overloaded: g.overloaded})
	if err != nil {
		t.Fatal(err)
	}
	taken := sourcetest.New()
	handler := in.Handler(taken)
	post := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/logs/nginx", strings.NewReader("by http\n")))
		return w
	}
	alerts := func() int64 {
		t.Helper()
		_, end, err := b.Bounds(ctx, bus.Alerts, 0)
		if err != nil {
			t.Fatal(err)
		}
		return end
	}

	percent.Store(89)
	g.look(ctx)
	if w := post(); w.Code != http.StatusOK || alerts() != 0 {
		t.Errorf("with room: status %d, %d alerts", w.Code, alerts())
	}
	percent.Store(90)
	g.look(ctx)
	g.look(ctx)
	if w := post(); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "60" || !strings.Contains(w.Body.String(), "data is 90 % full") {
		t.Errorf("without: status %d, Retry-After %q, %s", w.Code, w.Header().Get("Retry-After"), w.Body)
	}
	if n := alerts(); n != 1 {
		t.Errorf("alerts: got %d, want 1", n)
	}
	m, err := b.NewReader(bus.Alerts, 0, 0).Read(ctx)
	if err != nil || !strings.Contains(string(m.Value), `"rule_id":"`+pipeline.DiskFull+`"`) {
		t.Errorf("alert: %s, %v", m.Value, err)
	}

	taken.Before = func(int, int) error {
		if _, _, full := g.overloaded(); full {
			t.Error("a record came through while the disk was full")
		}
		return nil
	}
	log := filepath.Join(t.TempDir(), "access.log")
	if err := os.WriteFile(log, []byte("by file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	src, err := file.New(file.Config{Name: "f", Paths: []string{log}, Format: "nginx"}, file.Options{Positions: t.TempDir(), Registry: builtin.Formats(), Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	sink := announced{g.sink(taken), make(chan struct{}, 10)}
	ended := make(chan error, 1)
	go func() { ended <- src.Run(ctx, sink) }()
	select {
	case <-sink.offered:
	case <-ctx.Done():
		t.Fatal("the source offers nothing")
	}
	percent.Store(50)
	g.look(ctx)
	taken.Wait(t, "the file's line", func(lines []string) bool { return len(lines) == 2 && lines[1] == "by file" })
	if err := <-ended; err != nil {
		t.Errorf("source: %v", err)
	}
	if w := post(); w.Code != http.StatusOK {
		t.Errorf("with room again: status %d", w.Code)
	}
}

// The share is the one that people see in df, also where a part of the disk is for root alone. Counting that as used, against all
// blocks, makes this fail on such a disk.
func TestDiskUsedIsWhatDfSays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out, err := exec.Command("df", "--output=pcent", dir).Output()
	if err != nil {
		t.Skipf("no df: %v", err)
	}
	want, err := strconv.ParseFloat(strings.Trim(strings.TrimPrefix(strings.TrimSpace(string(out)), "Use%"), " %\n"), 64)
	if err != nil {
		t.Fatalf("df says %q: %v", out, err)
	}
	got, err := diskUsed(dir)
	if err != nil || 100*got > want+2 || 100*got < want-3 { // df rounds up, and others write
		t.Errorf("diskUsed = %.3f, %v; df says %.0f %%", got, err, want)
	}
}
