package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/embedded/kafka/kafkatest"
	"github.com/shrike-sec/shrike/pkg/format/cloudtrail/digest/digesttest"
	"github.com/shrike-sec/shrike/pkg/source/trail"
)

// heard gathers what a webhook is told, by id.
type heard struct {
	mu     sync.Mutex // guards titles
	titles map[string]string
}

func (h *heard) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var a alert.Alert
	if json.Unmarshal(body, &a) != nil || a.RuleID != trail.RuleID {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.titles[a.ID], _, _ = strings.Cut(a.Title, " (")
}

func (h *heard) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Sorted(maps.Values(h.titles))
}

// What is wrong with a trail in a folder is told at the webhook, signatures included, and after a restart what is new.
func TestTrailsAlertAtTheWebhook(t *testing.T) {
	t.Parallel()
	broker := kafkatest.Start(t)
	told := &heard{titles: map[string]string{}}
	hook := httptest.NewServer(told)
	t.Cleanup(hook.Close)
	dir := t.TempDir()
	key := digesttest.NewKey(t)
	logs, digests := digesttest.Trail{Key: key, Start: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Hours: 25}.Deliver(t)
	lay := func(path string, content []byte) {
		t.Helper()
		path = filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	later := []digesttest.Object{digests[24], logs[24]} // of the next day
	later[1].Content = append(later[1].Content, ' ')
	logs[1].Content[2]++
	logs = slices.Delete(logs[:24], 5, 6)
	digests[2].Content = append(digests[2].Content, ' ')
	digests = slices.Delete(digests[:24], 4, 5)
	lay("keys.der", key.Public)
	for _, o := range slices.Concat(digests, logs) {
		lay("logs/"+o.Key, o.Zipped(t))
	}
	want := []string{
		"1 digests of a trail are missing", "1 digests of a trail are not signed by CloudTrail", "1 digests of a trail were changed after delivery",
		"1 log files of a trail are missing", "1 log files of a trail were changed after delivery",
	}
	cfg := parse(t, fmt.Sprintf(`
data_dir: %[1]s/data
kafka: { brokers: ["%[2]s"] }
clickhouse: { addresses: ["127.0.0.1:1"], hunter_user: hunter }
sources:
  - file: { name: trail, paths: [%[1]s/logs], digest_keys_file: %[1]s/keys.der, digest_wait: 500ms }
receivers:
  - webhook: { name: hook, url: "%[3]s" }
`, dir, broker.Addr(), hook.URL))
	run := func(until func() bool) {
		t.Helper()
		a, err := New(cfg, Options{Roles: []Role{RoleIngest, RoleNotify}, Log: zaptest.NewLogger(t, zaptest.Level(zap.DPanicLevel))})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- a.Run(ctx) }()
		tick, deadline := time.NewTicker(20*time.Millisecond), time.After(time.Minute)
		defer tick.Stop()
		for done := false; !done; {
			select {
			case <-tick.C:
				done = until()
			case err := <-ended:
				t.Fatalf("ended: %v", err)
			case <-deadline:
				t.Errorf("told only of %q", told.all())
				done = true
			}
		}
		stop()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	}
	run(func() bool { return len(told.all()) >= len(want) })
	if diff := cmp.Diff(want, told.all()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	for _, o := range later {
		lay("logs/"+o.Key, o.Zipped(t))
	}
	run(func() bool { return len(told.all()) > len(want) })
	want = append(want, "1 log files of a trail were changed after delivery")
	if diff := cmp.Diff(want, told.all()); diff != "" {
		t.Errorf("told after a restart (-want +got):\n%s", diff)
	}
}
