// Package kafka is the Kafka of one machine: franz-go's kfake in this process, its data in a folder.
//
// It speaks the Kafka protocol on a loopback port, so that everything else uses the client it would use
// against a cluster and knows nothing of this package; only the wiring starts it. Topics, messages, group
// generations and committed offsets survive Close and the death of the process (a message is acknowledged
// once write(2) has returned); against power loss only real replicas help.
//
// kfake keeps five promises less than Kafka, and this package makes up for them:
//   - it does not lock its folder: Start does, and refuses a folder that another process has open;
//   - it forgets where a partition ended once retention has emptied it, and would number new messages from 0
//     under consumers that remember a higher offset: see ends.go;
//   - its compaction deletes before it writes, so a kill in between loses the topic: it is switched off, and
//     compacted topics only shrink by their retention;
//   - it keeps a member that died while it waited to join, and its partitions with it; and it dies of a request
//     that is not Kafka's: see conn.go.
//
// Start reading at Start. Tests use the package kafkatest.
package kafka

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

// ErrInUse is returned by Start when another process has the folder open.
var ErrInUse = errors.New("kafka folder is in use by another process")

// Options are the parts of Start that have defaults.
type Options struct {
	Port           int           // TCP port on 127.0.0.1; 0 takes a free one
	RetentionEvery time.Duration // how often the topics' retention is applied; 0 means every minute
	Log            *zap.Logger   // nil logs nothing
}

// Broker is a running Kafka. Its methods are safe for concurrent use.
type Broker struct {
	cluster *kfake.Cluster
	dir     string
	addr    string
	lock    *os.File
	log     *zap.Logger

	stop     chan struct{}  // closed by Close
	retained sync.WaitGroup // the retention loop; Close waits for it
	once     sync.Once
}

// never is longer than any process lives: kfake's own hourly pass must not run, because it would apply
// retention without ends.go knowing.
const never = 10 * 365 * 24 * time.Hour

// Start opens the folder, which it makes when missing, and serves Kafka from it until Close.
func Start(dir string, o Options) (*Broker, error) {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.RetentionEvery <= 0 {
		o.RetentionEvery = time.Minute
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	b := &Broker{dir: dir, lock: lock, log: o.Log, stop: make(chan struct{})}
	if err := restoreEnds(dir); err != nil {
		lock.Close()
		return nil, fmt.Errorf("restore ends of emptied partitions: %w", err)
	}
	b.cluster, err = kfake.NewCluster(
		kfake.Ports(o.Port),
		kfake.ClusterID("shrike"),
		kfake.DataDir(dir),
		kfake.DefaultNumPartitions(1),
		kfake.ListenFn(listen),
		kfake.WithLogger(logger{o.Log}),
		kfake.GroupMinSessionTimeout(time.Second),
		kfake.BrokerConfigs(map[string]string{
			"log.cleaner.backoff.ms":     fmt.Sprint(never.Milliseconds()),
			"offsets.retention.minutes":  fmt.Sprint(int(never.Minutes())),
			"default.replication.factor": "1",
			"message.max.bytes":          fmt.Sprint(maxBatchBytes),
			// A segment is the unit in which disk comes back.
			"log.segment.bytes": fmt.Sprint(32 << 20),
		}),
	)
	if err != nil {
		lock.Close()
		return nil, fmt.Errorf("start embedded kafka in %s: %w", dir, err)
	}
	b.addr = b.cluster.ListenAddrs()[0]
	b.retained.Add(1)
	go b.retain(o.RetentionEvery)
	return b, nil
}

// maxBatchBytes is the largest produce batch the broker takes; topics lower it.
const maxBatchBytes = 16 << 20

// Addr is the broker's host:port.
func (b *Broker) Addr() string { return b.addr }

// Close stops serving and writes what makes the next Start fast. Clients should have left their groups
// before; those that have not are remembered as members until their sessions expire.
func (b *Broker) Close() error {
	var err error
	b.once.Do(func() {
		close(b.stop)
		b.retained.Wait()
		b.cluster.Close()
		// Closing alone would leave the lock to a child process that is being started at this moment.
		err = errors.Join(unix.Flock(int(b.lock.Fd()), unix.LOCK_UN), b.lock.Close())
	})
	return err
}

// ApplyRetention deletes what the topics' retention no longer covers, whole segments at a time. The broker
// does so by itself every Options.RetentionEvery.
func (b *Broker) ApplyRetention() error {
	// In this order: a kill in between leaves ends of partitions that still have messages, and those win.
	if err := recordEnds(b.dir, b.cluster); err != nil {
		return fmt.Errorf("record partition ends: %w", err)
	}
	b.cluster.ApplyRetention()
	return nil
}

// retain runs until Close, which waits for it.
func (b *Broker) retain(every time.Duration) {
	defer b.retained.Done()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-b.stop:
			return
		case <-tick.C:
			if err := b.ApplyRetention(); err != nil {
				b.log.Error("retention not applied, disk use grows", zap.Error(err))
			}
		}
	}
}

// lockDir makes the folder and takes its lock, which ends with the file or the process.
func lockDir(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make kafka folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "shrike.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open kafka folder's lock: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s", ErrInUse, dir)
		}
		return nil, fmt.Errorf("lock kafka folder: %w", err)
	}
	return f, nil
}

// logger passes kfake's warnings on. Its informational messages are one a request.
type logger struct{ log *zap.Logger }

// Logf implements kfake.Logger.
func (l logger) Logf(level kfake.LogLevel, format string, args ...any) {
	switch level {
	case kfake.LogLevelError:
		l.log.Error("embedded kafka", zap.String("detail", fmt.Sprintf(format, args...)))
	case kfake.LogLevelWarn:
		l.log.Warn("embedded kafka", zap.String("detail", fmt.Sprintf(format, args...)))
	}
}
