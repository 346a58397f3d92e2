//go:build unix

package rule_test

import (
	"syscall"
	"testing"
	"time"
)

// cpuTime returns what the process has used: on a busy machine it says more than the clock does.
func cpuTime(t testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
