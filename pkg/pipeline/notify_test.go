package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/bus"
	"github.com/shrike-sec/shrike/pkg/notify"
	"github.com/shrike-sec/shrike/pkg/notify/webhook"
)

// inbox is a real HTTP server that takes notifications, or refuses all.
type inbox struct {
	*httptest.Server
	refuses atomic.Bool
	tries   chan string // Idempotency-Key of each attempt

	mu    sync.Mutex
	taken []string // Idempotency-Key of each notification that was taken
	came  chan struct{}
}

func newInbox(t *testing.T) *inbox {
	t.Helper()
	b := &inbox{tries: make(chan string, 1000), came: make(chan struct{}, 1000)}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		key := r.Header.Get("Idempotency-Key")
		b.tries <- key
		if b.refuses.Load() {
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.taken = append(b.taken, key)
		b.came <- struct{}{}
	}))
	t.Cleanup(b.Close)
	return b
}

// keys waits for n notifications and returns them all.
func (b *inbox) keys(w *way, n int) []string {
	w.t.Helper()
	for range n {
		select {
		case <-b.came:
		case <-w.ctx.Done():
			w.t.Fatalf("%d notifications have not come", n)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.taken)
}

func (b *inbox) receiver(t *testing.T, name string) *notify.Receiver {
	t.Helper()
	n, err := webhook.New(webhook.Options{URL: b.URL, Secret: "of this test"})
	if err != nil {
		t.Fatal(err)
	}
	return notify.NewReceiver(n, notify.Options{Name: name, MinPause: time.Millisecond, MaxPause: 5 * time.Millisecond})
}

// tell puts revision r of the alert into the topic.
func (w *way) tell(id string, revision int64) {
	w.t.Helper()
	w.tellAt(id, revision, time.Now())
}

func (w *way) tellAt(id string, revision int64, at time.Time) {
	w.t.Helper()
	m, err := alertMessage(&alert.Alert{Schema: 1, ID: id, Revision: revision, RuleID: "r", Severity: "high", Count: uint64(revision)})
	if err != nil {
		w.t.Fatal(err)
	}
	m.Time = at
	w.send(m)
}

func (w *way) notify(since time.Time, receivers ...*notify.Receiver) (stop func()) {
	return w.run(func(ctx context.Context) error {
		return Notify(ctx, NotifyOptions{Bus: w.bus, Receivers: receivers, Since: since, Log: w.log})
	})
}

func wantKeys(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("notifications: got %q, want %q", got, want)
	}
}

// An alert is told once however often it changes, before and after a restart.
func TestNotifyTellsOfAnAlertOnce(t *testing.T) {
	t.Parallel()
	w, b := newWay(t, 1), newInbox(t)
	since := time.Now()
	stop := w.notify(since, b.receiver(t, "b"))
	w.tell("a", 1)
	w.tell("a", 2)
	w.tell("b", 3)
	wantKeys(t, b.keys(w, 2), "a.1", "b.3")
	w.commit(NotifyGroup("b"), bus.Alerts, 3) // a stop before the answer has come would tell of b once more
	stop()
	w.tell("a", 4)
	w.tell("c", 5)
	w.notify(since, b.receiver(t, "b"))
	wantKeys(t, b.keys(w, 1), "a.1", "b.3", "c.5")
}

// A receiver that fails holds back nobody, and gets everything in the end.
func TestNotifyReceiversDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	w, down, up := newWay(t, 1), newInbox(t), newInbox(t)
	down.refuses.Store(true)
	w.notify(time.Now(), down.receiver(t, "down"), up.receiver(t, "up"))
	for i := range 5 {
		w.tell(fmt.Sprint("a", i), int64(i+1))
	}
	wantKeys(t, up.keys(w, 5), "a0.1", "a1.2", "a2.3", "a3.4", "a4.5")
	receive(t, w.ctx, down.tries)
	down.refuses.Store(false)
	wantKeys(t, down.keys(w, 5), "a0.1", "a1.2", "a2.3", "a3.4", "a4.5")
}

// What a stop interrupts is told after the restart under the same key, and nothing else again.
func TestNotifyGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	w, b := newWay(t, 1), newInbox(t)
	since := time.Now()
	stop := w.notify(since, b.receiver(t, "b"))
	w.tell("a", 1)
	wantKeys(t, b.keys(w, 1), "a.1")
	w.commit(NotifyGroup("b"), bus.Alerts, 1)
	b.refuses.Store(true)
	w.tell("b", 2)
	for key := range b.tries {
		if key == "b.2" {
			break
		}
	}
	stop()
	b.refuses.Store(false)
	w.tell("b", 3)
	w.tell("c", 4)
	w.notify(since, b.receiver(t, "b"))
	wantKeys(t, b.keys(w, 2), "a.1", "b.2", "c.4")
}

// A receiver that was never there begins with the news; when it was last reached is in its commits, for `shrike status`.
func TestNotifyBeginsWithTheNews(t *testing.T) {
	t.Parallel()
	w, b := newWay(t, 1), newInbox(t)
	since := time.Now()
	w.tellAt("old", 1, since.Add(-time.Hour))
	stop := w.notify(since, b.receiver(t, "b"))
	if c := w.commit(NotifyGroup("b"), bus.Alerts, 1); c.Metadata != `{"last_success":"0001-01-01T00:00:00Z"}` {
		t.Errorf("metadata before the first success: %s", c.Metadata)
	}
	w.tell("new", 2)
	wantKeys(t, b.keys(w, 1), "new.2")
	success := func(offset int64) time.Time {
		t.Helper()
		var state NotifyState
		if err := json.Unmarshal([]byte(w.commit(NotifyGroup("b"), bus.Alerts, offset).Metadata), &state); err != nil {
			t.Fatal(err)
		}
		return state.LastSuccess
	}
	last := success(2)
	if last.Before(since) {
		t.Errorf("last success: got %s, want after %s", last, since)
	}
	stop()
	w.notify(since, b.receiver(t, "b"))
	w.tell("new", 3) // known: nothing is sent, and the last success stays
	if got := success(3); !got.Equal(last) {
		t.Errorf("last success after a restart: got %s, want %s", got, last)
	}
}
