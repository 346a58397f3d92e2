package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
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
	for k := range kills { // while the k-th part of the logs is being sent, something dies
		part := w.bodies[len(w.bodies)*k/kills : len(w.bodies)*(k+1)/kills]
		var sending sync.WaitGroup
		sending.Go(func() {
			for _, b := range part {
				post(t, ingest.Endpoints().IngestURL, b)
			}
		})
		c.kill(victims[k%len(victims)], rng)
		sending.Wait()
	}
	until(t, 4*time.Minute, "every record in ClickHouse once", func() (bool, string) { return accounted(t, c.store, w.records) })
	checkAlerts(t, r, w)
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
	roles    map[string]*exec.Cmd
}

func newCluster(t *testing.T, r *receiver) *cluster {
	t.Helper()
	c := &cluster{t: t, dir: t.TempDir(), receiver: r, roles: make(map[string]*exec.Cmd)}
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

// kill waits until the victim has announced a range, lets it get a little further, kills it and starts it again.
func (c *cluster) kill(victim string, rng *rand.Rand) {
	c.t.Helper()
	group := victim
	if victim == "engine" {
		group = "store"
	}
	until(c.t, time.Minute, "a pending commit of "+group, func() (bool, string) { return c.pending(group) })
	<-time.After(time.Duration(rng.IntN(40)) * time.Millisecond) // where in its range it dies is drawn
	if victim == "engine" {
		_ = syscall.Kill(c.engine.Pid(), syscall.SIGKILL)
		<-c.engine.Done()
		_ = c.engine.Close()
		c.startEngine()
		return
	}
	cmd := c.roles[victim]
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	c.startRole(victim)
}

func (c *cluster) pending(group string) (bool, string) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, topic := range pipeline.RecordTopics() {
		commits, err := c.bus.GroupOffsets(ctx, group, topic)
		if err != nil {
			return false, err.Error()
		}
		for _, commit := range commits {
			if strings.Contains(commit.Metadata, "pending") {
				return true, ""
			}
		}
	}
	return false, "no announcement"
}
