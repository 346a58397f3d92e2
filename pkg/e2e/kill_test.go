package e2e

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/shrike-sec/shrike/pkg/app"
	"github.com/shrike-sec/shrike/pkg/bus"
	"github.com/shrike-sec/shrike/pkg/pipeline"
)

// rounds is how many times each victim dies with SIGKILL in TestKills; in every other round a role does twice.
const rounds = 4

// TestKills is TestWholeWay with store, detect, correlate and the ClickHouse engine each a process of its own, killed with
// SIGKILL again and again: store, detect and the engine after a range was announced that is not yet committed, correlate when it
// has just sent an alert, all but the engine also while they begin. Rules of kind average run too, and of kind
// baseline, whose memory is in the engine that dies, and rules over alerts, whose alerts come back through what dies; half way the
// rules are reloaded. What comes out must be the same. Fails where shard.start replays nothing, and in one run of two
// without the marks of origins.accept.
func TestKills(t *testing.T) {
	if testing.Short() {
		t.Skip("takes more than a minute")
	}
	r := newReceiver(t)
	c := newCluster(t, r)
	c.migrate()
	start(t, parse(t, c.text("rest")), []app.Role{app.RoleNotify})
	ingest := start(t, parse(t, c.text("ingest")), []app.Role{app.RoleIngest})
	victims := []string{"store", "detect", "engine", "correlate"}
	for _, v := range victims {
		if v != "engine" {
			c.startRole(v)
		}
	}

	w := newWorkload(t, 11, records*11/10)
	w.want[usual], w.want[large] = true, true
	rng := rand.New(rand.NewPCG(11, 0)) //nolint:gosec // which body follows which kill need not be secret
	f := &feeder{t: t, url: ingest.Endpoints().IngestURL, bodies: w.bodies}
	for round := range rounds {
		left := len(w.bodies) * (rounds - round) / (rounds + 1)
		for _, v := range victims {
			if v == "correlate" && round == rounds/2 {
				c.rules.another(t) // some have read it when the next ones die, some have not
			}
			c.kill(v, round%2 == 0, left, rng, f)
			if v != "engine" && round%2 == 1 {
				<-time.After(time.Duration(rng.IntN(1500)) * time.Millisecond) // it starts, joins, rebuilds or is at work
				c.restart(v, f)
			}
		}
	}
	t.Logf("%d of %d bodies were sent while something died", len(w.bodies)-len(f.bodies), len(w.bodies))
	for len(f.bodies) > 0 {
		if len(f.bodies) <= tail {
			until(t, 2*time.Minute, "detect done", func() (bool, string) { return c.idle("detect"), "it is not" })
			<-time.After(250 * time.Millisecond)
		}
		f.next()
		f.wait()
	}
	until(t, 4*time.Minute, "every record in ClickHouse once", func() (bool, string) { return accounted(t, c.store, w.records) })
	checkAlerts(t, r, w)
	checkCounts(t, c.store, w, c.rules.rules(t))
	t.Logf("%d records, %d alerts, %d kills", w.records, c.alerts(), c.killed)
}

// tail is how many of the last bodies come slowly. Shards hear once in five seconds how far time has come, and an hour of logs can
// come in one; what a rule of kind baseline waits for must not be in the last that they never hear of.
const tail = 60

// kill waits for the victim's worst moment, kills it and starts it again. store and detect die when a range is announced and
// before it is committed; a store that shall be done, when rows of the range are already in ClickHouse and only the rest is missing.
// correlate dies when it has alerted, or when only left bodies are left.
//
// Logs flow while the moment is awaited, so that there is always something to do, and stop while the victim is away.
func (c *cluster) kill(victim string, done bool, left int, rng *rand.Rand, f *feeder) {
	c.t.Helper()
	switch victim {
	case "engine":
		until(c.t, 2*time.Minute, "a pending commit of store", func() (bool, string) {
			return c.announces("store", f), "nothing announced"
		})
		<-time.After(time.Duration(rng.IntN(40)) * time.Millisecond) // where in the insert it dies is drawn
		c.restartEngine(f)
	case "correlate":
		c.alerted(left, f)
		c.restart(victim, f)
	default:
		c.interrupted(victim, done && victim == "store", rng, f)
		c.restart(victim, f)
	}
}

// interrupted feeds until the role has announced a range, and returns with the role stopped before it has committed that.
func (c *cluster) interrupted(role string, done bool, rng *rand.Rand, f *feeder) {
	c.t.Helper()
	process := c.roles[role].Process
	looks := 0
	until(c.t, 2*time.Minute, "a pending commit of "+role, func() (bool, string) {
		if !c.announces(role, f) {
			return false, "nothing announced"
		}
		_ = process.Signal(syscall.SIGSTOP) // while it stands still, nothing moves under the questions
		at := c.pending(role)
		if looks++; len(at) > 0 && (!done || looks > maxLooks || c.storedSoon(at)) {
			return true, ""
		}
		_ = process.Signal(syscall.SIGCONT)
		<-time.After(time.Duration(20+rng.IntN(100*looks)) * time.Millisecond) // to get on, and somewhere else; longer on a busy machine
		return false, fmt.Sprintf("announced: %v", at)
	})
}

// alerted feeds until correlate has sent an alert, and has yet to commit what it is of; or until the round's logs are sent.
func (c *cluster) alerted(left int, f *feeder) {
	c.t.Helper()
	before := c.alerts()
	until(c.t, 2*time.Minute, "an alert, or the end of the round's logs", func() (bool, string) {
		done, sent := c.committed("correlate", bus.Signals)
		if c.idle("detect") && done > c.correlated { // both are at work
			f.next()
			f.wait()
		}
		return len(f.bodies) <= left || c.alerts() > before, fmt.Sprintf("correlate has done %d of %d frames", done, sent)
	})
}

// maxLooks is how often a store is looked at for rows without a commit; then it dies over whatever it has announced.
const maxLooks = 20

// restart kills a role and starts it again when nothing is under way.
func (c *cluster) restart(role string, f *feeder) {
	c.t.Helper()
	c.died[role] = c.pending(role)
	c.correlated, _ = c.committed("correlate", bus.Signals)
	cmd := c.roles[role]
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	c.killed++
	f.wait()
	c.startRole(role)
}

// restartEngine is restart for ClickHouse.
func (c *cluster) restartEngine(f *feeder) {
	c.t.Helper()
	_ = syscall.Kill(c.engine.Pid(), syscall.SIGKILL)
	<-c.engine.Done()
	_ = c.engine.Close()
	c.killed++
	f.wait()
	c.startEngine()
}

// announces reports whether a range is announced that was not when the role died last: then it is at work again. Then it sends
// the next logs, too; before that only when all was done, since a role that has yet to join would let them run out.
func (c *cluster) announces(role string, f *feeder) bool {
	c.t.Helper()
	works := slices.ContainsFunc(c.pending(role), func(a announced) bool { return !slices.Contains(c.died[role], a) })
	if works || c.idle(role) {
		f.next()
	}
	return works
}

// idle reports whether the role has done all records that were sent.
func (c *cluster) idle(role string) bool {
	c.t.Helper()
	done, sent := c.committed(role, pipeline.RecordTopics()...)
	return done == sent
}

// feeder sends a workload a body at a time, beside whoever asks for the next one.
type feeder struct {
	t      *testing.T
	url    string
	bodies []body        // not yet sent
	sent   chan struct{} // closed when the last one is; nil at first
}

// next sends the next body unless one is under way.
func (f *feeder) next() {
	f.t.Helper()
	if f.sent != nil {
		select {
		case <-f.sent:
		default:
			return
		}
	}
	if len(f.bodies) == 0 {
		f.t.Fatal("all logs are sent: there is nothing left to die over")
	}
	b, sent := f.bodies[0], make(chan struct{})
	f.bodies, f.sent = f.bodies[1:], sent
	go func() { // wait waits for it
		defer close(sent)
		post(f.t, f.url, b)
	}()
}

// wait returns when nothing is under way.
func (f *feeder) wait() {
	if f.sent != nil {
		<-f.sent
	}
}
