package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shrike-sec/shrike/pkg/app"
	"github.com/shrike-sec/shrike/pkg/bus"
	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse"
	"github.com/shrike-sec/shrike/pkg/embedded/kafka"
	"github.com/shrike-sec/shrike/pkg/pipeline"
	"github.com/shrike-sec/shrike/pkg/store"
)

// kills is how many times something dies with SIGKILL in TestKills.
const kills = 12

// TestKills is TestWholeWay with store, detect and the ClickHouse engine each a process of its own, killed with SIGKILL
// again and again, each time after a range was announced that is not yet committed. What comes out must be the same.
func TestKills(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	r := newReceiver(t)
	c := newCluster(t, r)
	c.migrate()
	start(t, parse(t, c.text("rest")), []app.Role{app.RoleCorrelate, app.RoleNotify})
	ingest := start(t, parse(t, c.text("ingest")), []app.Role{app.RoleIngest})
	c.startRole("store")
	c.startRole("detect")

	w := newWorkload(t, 11, records*11/10)
	rng := rand.New(rand.NewPCG(11, 0)) //nolint:gosec // which body follows which kill need not be secret
	victims := []string{"store", "detect", "engine"}
	f := &feeder{t: t, url: ingest.Endpoints().IngestURL, bodies: w.bodies}
	for k := range kills {
		c.kill(victims[k%len(victims)], k%(2*len(victims)) == 0, rng, f)
	}
	t.Logf("%d of %d bodies were sent while something died", len(w.bodies)-len(f.bodies), len(w.bodies))
	for len(f.bodies) > 0 {
		f.next()
		f.wait()
	}
	until(t, 4*time.Minute, "every record in ClickHouse once", func() (bool, string) { return accounted(t, c.store, w.records) })
	checkAlerts(t, r, w)
	checkCounts(t, c.store, w)
	t.Logf("%d records, %d kills", w.records, kills)
}

// cluster is Kafka in this process, ClickHouse as a child, and roles as processes: all of it on loopback.
type cluster struct {
	t        *testing.T
	dir      string
	receiver *receiver
	broker   *kafka.Broker
	engine   *clickhouse.Server
	options  clickhouse.Options
	bus      *bus.Client
	store    *store.Store
	hunter   *store.Hunter
	roles    map[string]*exec.Cmd
	died     map[string][]announced // what each role had announced when it was killed last
}

func newCluster(t *testing.T, r *receiver) *cluster {
	t.Helper()
	c := &cluster{t: t, dir: t.TempDir(), receiver: r, roles: make(map[string]*exec.Cmd), died: make(map[string][]announced)}
	var err error
	if c.broker, err = kafka.Start(filepath.Join(c.dir, "kafka"), kafka.Options{Log: logger(t)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.broker.Close() })
	c.options = clickhouse.Options{Dir: filepath.Join(c.dir, "clickhouse"), Log: logger(t)}
	c.startEngine()
	t.Cleanup(func() { _ = c.engine.Close() })
	c.options.TCPPort = portOf(c.engine.Addr())
	c.options.HTTPPort = portOf(c.engine.HTTPAddr())
	if c.bus, err = bus.New(bus.Config{Brokers: []string{c.broker.Addr()}, ClientID: "e2e"}, logger(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.bus.Close() })
	c.store, err = store.Open(context.Background(), store.Config{
		Addrs: []string{c.engine.Addr()}, Database: "shrike", User: clickhouse.ServiceUser, Password: c.engine.Password(),
	}, logger(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.store.Close() })
	c.hunter, err = store.OpenHunter(context.Background(), store.Config{
		Addrs: []string{c.engine.Addr()}, Database: "shrike", User: clickhouse.HunterUser, Password: c.engine.HunterPassword(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.hunter.Close() })
	return c
}

func portOf(addr string) int {
	var port int
	_, _ = fmt.Sscanf(addr[strings.LastIndexByte(addr, ':')+1:], "%d", &port)
	return port
}

func (c *cluster) startEngine() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	engine, err := clickhouse.Start(ctx, c.options)
	if err != nil {
		c.t.Fatal(err)
	}
	c.engine = engine
}

// text is the configuration of one process.
func (c *cluster) text(name string) string {
	return fmt.Sprintf(`
data_dir: %s
kafka: { brokers: ["%s"], partitions: 4 }
clickhouse: { addresses: ["%s"], user: %s, password: "%s", hunter_user: %s, hunter_password: "%s" }
listen: { address: "127.0.0.1:0", ingest_address: "127.0.0.1:0", metrics_address: "127.0.0.1:0" }
receivers: [ { webhook: { name: test, url: "%s", secret: "%s" } } ]
log: { level: warn }
`, filepath.Join(c.dir, name), c.broker.Addr(), c.engine.Addr(), clickhouse.ServiceUser, c.engine.Password(),
		clickhouse.HunterUser, c.engine.HunterPassword(), c.receiver.URL, webhookSecret)
}

func (c *cluster) migrate() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := c.store.Migrate(ctx, app.MigrateOptions(parse(c.t, ""))); err != nil {
		c.t.Fatal(err)
	}
}

// startRole runs a role as a process that can be killed.
func (c *cluster) startRole(role string) {
	c.t.Helper()
	file := filepath.Join(c.dir, role+".yml")
	if err := os.WriteFile(file, []byte(c.text(role)), 0o600); err != nil {
		c.t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.Command(self, role, "--config", file)
	cmd.Env = append(os.Environ(), asShrike+"=1")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // no orphan when the test is killed
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.roles[role] = cmd
	c.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

// kill waits until the victim has announced a range and kills it before that range is committed; a store that shall be
// done, when rows of the range are already in ClickHouse and only the rest is missing. Then it starts it again.
//
// Logs flow while the moment is awaited, so that there is always something to do, and stop while the victim is away.
func (c *cluster) kill(victim string, done bool, rng *rand.Rand, f *feeder) {
	c.t.Helper()
	if victim == "engine" {
		until(c.t, time.Minute, "a pending commit of store", func() (bool, string) {
			f.next()
			return len(c.pending("store")) > 0, "no announcement"
		})
		<-time.After(time.Duration(rng.IntN(40)) * time.Millisecond) // where in the insert it dies is drawn
		_ = syscall.Kill(c.engine.Pid(), syscall.SIGKILL)
		<-c.engine.Done()
		_ = c.engine.Close()
		f.wait()
		c.startEngine()
		return
	}
	cmd := c.roles[victim]
	looks := 0
	until(c.t, 2*time.Minute, "a pending commit of "+victim, func() (bool, string) {
		if !c.announces(victim) {
			if len(c.pending(victim)) == 0 { // else it has yet to join, and to do what it died over
				f.next()
			}
			return false, "nothing announced"
		}
		f.next()
		_ = cmd.Process.Signal(syscall.SIGSTOP) // while it stands still, nothing moves under the questions
		at := c.pending(victim)
		if looks++; len(at) > 0 && (!done || looks > maxLooks || c.storedSoon(at)) {
			return true, ""
		}
		_ = cmd.Process.Signal(syscall.SIGCONT)
		<-time.After(time.Duration(20+rng.IntN(100*looks)) * time.Millisecond) // to get on, and somewhere else; longer on a busy machine
		return false, fmt.Sprintf("announced: %v", at)
	})
	c.died[victim] = c.pending(victim)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	f.wait()
	c.startRole(victim)
}

// announces reports whether a range is announced that was not when the role died last: then it has joined its group again.
// The embedded broker never drops a member that dies while it waits to join, and nobody would get its partitions.
func (c *cluster) announces(role string) bool {
	return slices.ContainsFunc(c.pending(role), func(a announced) bool { return !slices.Contains(c.died[role], a) })
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

// maxLooks is how often a store is looked at for rows without a commit; then it dies over whatever it has announced.
const maxLooks = 20

// announced is a range that a group has promised to do.
type announced struct {
	pipeline.Announcement
	topic     string
	partition int
}

func (c *cluster) pending(group string) (all []announced) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, topic := range pipeline.RecordTopics() {
		commits, err := c.bus.GroupOffsets(ctx, group, topic)
		if err != nil {
			return nil
		}
		for partition, commit := range commits {
			a, ok := pipeline.ParseAnnouncement(commit.Metadata)
			if ok && a.Pending {
				all = append(all, announced{a, topic, partition})
			}
		}
	}
	return all
}

// storedSoon gives the engine, which may have all it needs, the time to finish.
func (c *cluster) storedSoon(at []announced) bool {
	for range 20 {
		if c.stored(at) {
			return true
		}
		<-time.After(20 * time.Millisecond)
	}
	return false
}

// stored reports whether rows of one of the ranges are in ClickHouse.
func (c *cluster) stored(at []announced) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, a := range at {
		rows, err := c.hunter.Hunt(ctx, `SELECT count() FROM (SELECT epoch, topic, partition, offset FROM api UNION ALL
			SELECT epoch, topic, partition, offset FROM flow UNION ALL SELECT epoch, topic, partition, offset FROM http)
			WHERE epoch = {epoch:UInt64} AND topic = {topic:String} AND partition = {partition:UInt32} AND offset >= {from:UInt64} AND offset < {to:UInt64}`,
			map[string]string{"epoch": fmt.Sprint(a.Epoch), "topic": a.topic, "partition": fmt.Sprint(a.partition), "from": fmt.Sprint(a.From), "to": fmt.Sprint(a.To)}, store.Limits{})
		if err != nil {
			continue
		}
		stored := rows.Next() && fmt.Sprint(rows.Values()[0]) != "0"
		_ = rows.Close()
		if stored {
			return true
		}
	}
	return false
}
