package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/shrike-sec/shrike/pkg/app"
	"github.com/shrike-sec/shrike/pkg/bus"
	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse"
	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse/clickhousetest"
	"github.com/shrike-sec/shrike/pkg/embedded/kafka"
	"github.com/shrike-sec/shrike/pkg/pipeline"
	"github.com/shrike-sec/shrike/pkg/store"
)

// cluster is Kafka, in this process as a rule, ClickHouse as a child, and roles as processes: all of it on loopback.
type cluster struct {
	t          *testing.T
	dir        string
	receiver   *receiver
	rules      folder
	kafka      string // address
	engine     *clickhouse.Server
	options    clickhouse.Options
	bus        *bus.Client
	store      *store.Store
	hunter     *store.Hunter
	roles      map[string]*exec.Cmd
	died       map[string][]announced // what each role had announced when it was killed last
	correlated int64                  // what correlate had committed when a role was killed last
	killed     int                    // how many times something was killed
}

func newCluster(t *testing.T, r *receiver) *cluster {
	t.Helper()
	c := &cluster{
		t: t, dir: t.TempDir(), receiver: r, rules: newFolder(t),
		roles: make(map[string]*exec.Cmd), died: make(map[string][]announced),
	}
	c.startKafka()
	var err error
	c.options = clickhouse.Options{Dir: filepath.Join(c.dir, "clickhouse"), TCPPort: clickhousetest.Port(t), HTTPPort: clickhousetest.Port(t), Log: logger(t)}
	c.startEngine()
	t.Cleanup(func() { _ = c.engine.Close() })
	if c.bus, err = bus.New(bus.Config{Brokers: []string{c.kafka}, ClientID: "e2e"}, logger(t)); err != nil {
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

// startKafka takes the Kafka that SHRIKE_TEST_KAFKA names, which must have none of our topics (scripts/apache-kafka), else the
// embedded one.
func (c *cluster) startKafka() {
	c.t.Helper()
	if c.kafka = os.Getenv("SHRIKE_TEST_KAFKA"); c.kafka != "" {
		return
	}
	broker, err := kafka.Start(filepath.Join(c.dir, "kafka"), kafka.Options{Log: logger(c.t)})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = broker.Close() })
	c.kafka = broker.Addr()
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
%s`, filepath.Join(c.dir, name), c.kafka, c.engine.Addr(), clickhouse.ServiceUser, c.engine.Password(),
		clickhouse.HunterUser, c.engine.HunterPassword(), c.receiver.URL, webhookSecret, c.rules.config())
}

func (c *cluster) migrate() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := c.store.Migrate(ctx, app.MigrateOptions(parse(c.t, ""))); err != nil {
		c.t.Fatal(err)
	}
}

// startRole runs a role as a process of its own.
func (c *cluster) startRole(role string) {
	c.t.Helper()
	c.roles[role] = process(c.t, role, filepath.Join(c.dir, role+".yml"), c.text(role))
}

// process runs a command of shrike, configured by a text in a file, until it is killed or the test ends.
func process(t *testing.T, command, file, config string) *exec.Cmd {
	t.Helper()
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, command, "--config", file)
	cmd.Env = append(os.Environ(), asShrike+"=1")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // no orphan when the test is killed
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

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

// alerts returns how many alerts were sent, revisions of one counted each.
func (c *cluster) alerts() int64 {
	c.t.Helper()
	_, sent := c.committed("detect", bus.Alerts)
	return sent
}

// committed returns how many messages of the topics the group has done, and how many there are.
func (c *cluster) committed(group string, topics ...string) (done, sent int64) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for _, topic := range topics {
		n, err := c.bus.Partitions(ctx, topic)
		if err != nil {
			c.t.Fatal(err)
		}
		commits, err := c.bus.GroupOffsets(ctx, group, topic)
		if err != nil {
			c.t.Fatal(err)
		}
		for p := range n {
			_, end, err := c.bus.Bounds(ctx, topic, p)
			if err != nil {
				c.t.Fatal(err)
			}
			done, sent = done+commits[p].Offset, sent+end
		}
	}
	return done, sent
}
