package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/shrike-sec/shrike/pkg/app"
	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse/clickhousetest"
)

// deaths is how many times shrike run dies with SIGKILL in TestRunKills.
const deaths = 5

// atOnce is how many bodies are sent just before it dies.
const atOnce = 5

// TestRunKills is TestWholeWay with all of it in one process that is killed with SIGKILL and started again at once, again and
// again, with records on their way through it. Each time a sign of life must come through soon. What comes out must be the same;
// only an alert that was on its way to the receiver may come a second time, under the same idempotency key.
func TestRunKills(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	r := newReceiver(t)
	dir := t.TempDir()
	ingest := fmt.Sprintf("127.0.0.1:%d", clickhousetest.Port(t))
	text := fmt.Sprintf(`
data_dir: %s
kafka: { partitions: 2 }
listen: { address: "127.0.0.1:0", ingest_address: "%s", metrics_address: "127.0.0.1:0" }
receivers: [ { webhook: { name: test, url: "%s", secret: "%s" } } ]
log: { level: warn }
`, filepath.Join(dir, "data"), ingest, r.URL, webhookSecret)
	w := newWorkload(t, 5, records/2)
	rng := rand.New(rand.NewPCG(5, 0)) //nolint:gosec // when it dies need not be secret
	f := &feeder{t: t, url: "http://" + ingest, bodies: slices.Clone(w.bodies)}
	all := len(w.bodies)
	var took []time.Duration
	for death := range deaths {
		began := time.Now()
		shrike := process(t, "run", filepath.Join(dir, "run.yml"), text)
		until(t, time.Minute, "ingest", func() (bool, string) {
			conn, err := net.Dial("tcp", ingest)
			if err != nil {
				return false, err.Error()
			}
			return conn.Close() == nil, "closed"
		})
		left := all * (deaths - death) / (deaths + 1)
		account := fmt.Sprintf("%012d", 480_000_000_000+death)
		sent := all - len(f.bodies)
		sign := rootSignIn(account, began.Add(-logged+logged*time.Duration(sent)/time.Duration(all)))
		w.bodies, w.records = slices.Insert(w.bodies, sent+death, sign), w.records+sign.n
		post(t, f.url, sign)
		until(t, time.Minute, "the alert of a record that came after the start", func() (bool, string) {
			if len(f.bodies) > left+atOnce {
				f.next()
			}
			return r.heardOf(account), "not received"
		})
		took = append(took, time.Since(began))
		for len(f.bodies) > left {
			f.next()
			f.wait()
		}
		<-time.After(time.Duration(rng.IntN(700)) * time.Millisecond) // where it dies is drawn
		_ = shrike.Process.Kill()
		_ = shrike.Wait()
	}
	t.Logf("%d of %d bodies were sent; from start to alert: %v", all-len(f.bodies), all, took)
	a := start(t, parse(t, text), app.AllRoles())
	for len(f.bodies) > 0 {
		f.next()
		f.wait()
	}
	s := open(t, a)
	until(t, 3*time.Minute, "every record in ClickHouse once", func() (bool, string) { return accounted(t, s, w.records) })
	checkCounts(t, s, w, builtinRules(t))
	t.Logf("%d records, received more than once: %v", w.records, r.repeated())
}
