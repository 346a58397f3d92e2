// Package kafkatest starts the embedded Kafka for tests: a real broker on a free loopback port, its data in
// the test's own folder, gone when the test ends. Production code must not import it.
package kafkatest

import (
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/shrike-sec/shrike/pkg/embedded/kafka"
)

// Start returns a broker without topics. It is closed when the test and its cleanups registered later are done.
func Start(t testing.TB) *kafka.Broker {
	t.Helper()
	return StartIn(t, t.TempDir(), kafka.Options{})
}

// StartIn starts a broker on the folder, for tests that close it and start it again. Without a logger in the
// options, warnings go to the test's log.
func StartIn(t testing.TB, dir string, o kafka.Options) *kafka.Broker {
	t.Helper()
	if o.Log == nil {
		o.Log = zaptest.NewLogger(t, zaptest.Level(zap.ErrorLevel))
	}
	b, err := kafka.Start(dir, o)
	if err != nil {
		t.Fatalf("start embedded kafka: %v", err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("close embedded kafka: %v", err)
		}
	})
	return b
}
