package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shrike-sec/shrike/pkg/embedded/kafka/kafkatest"
)

// asShrike in the environment makes the test's binary the program.
const asShrike = "SHRIKE_TEST_AS_SHRIKE"

// child is the program as a process, and the lines of its log.
type child struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines chan string
}

func startChild(t *testing.T, args ...string) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{t: t, cmd: exec.Command(self, args...), lines: make(chan string, 100)}
	c.cmd.Env = append(os.Environ(), asShrike+"=1")
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // no orphan when the test is killed
	out, err := c.cmd.StderrPipe()
	if err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	go func(out io.Reader) { // ends with the process
		defer close(c.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			c.lines <- s.Text()
		}
	}(out)
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		for range c.lines { // until its pipe is closed
		}
		_ = c.cmd.Wait()
	})
	return c
}

func (c *child) signal(s os.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

// says waits for a line of the log with all the words, and returns it.
func (c *child) says(words ...string) string {
	c.t.Helper()
	var said []string
	late := time.NewTimer(2 * time.Minute)
	defer late.Stop()
	for {
		select {
		case line, more := <-c.lines:
			if !more {
				c.t.Fatalf("ended before it said %q; its log:\n%s", words, strings.Join(said, "\n"))
			}
			said = append(said, line)
			found := true
			for _, w := range words {
				found = found && strings.Contains(line, w)
			}
			if found {
				return line
			}
		case <-late.C:
			c.t.Fatalf("never said %q", words)
		}
	}
}

// The program as a process: SIGHUP has it read the rules again, whatever is in the files it stays up, and health says how
// the rules are. Deleting signal.Notify in serve makes this fail.
func TestHangupReadsTheRules(t *testing.T) {
	t.Parallel()
	broker := kafkatest.Start(t)
	rules := ruleFolder(t)
	file := filepath.Join(rules, "root-login.yml")
	cfg := write(t, filepath.Join(t.TempDir(), "c.yml"), fmt.Sprintf("data_dir: %s\nrules: { paths: [%s] }\nkafka: { brokers: [%q] }\n"+
		"clickhouse: { addresses: [\"127.0.0.1:1\"], hunter_user: none }\nlisten: { metrics_address: 127.0.0.1:0 }\nlog: { level: info, format: json }\n",
		t.TempDir(), rules, broker.Addr()))
	c := startChild(t, "detect", "-c", cfg)
	_, rest, _ := strings.Cut(c.says(`"ready"`), `"metrics":"`)
	at, _, _ := strings.Cut(rest, `"`)
	health := func() result { return run(t, nil, "health", "--url", at) }

	c.signal(syscall.SIGHUP)
	c.says("rules are as they were")
	if got := health(); got.status != 0 || !strings.Contains(got.out, "rules: 1 rule and 0 exceptions, hash ") {
		t.Errorf("health: %+v", got)
	}
	write(t, file, strings.Replace(testRule, "severity: medium", "severity: hihg", 1))
	c.signal(syscall.SIGHUP)
	c.says("rules not reloaded", "root-login.yml:3:11", "hihg")
	if got := health(); got.status != 0 || !strings.Contains(got.out, "; the files did not load at ") {
		t.Errorf("health with broken files: %+v", got)
	}
	ofRules := func() result { return run(t, nil, "health", "--rules", "--url", at) }
	if got := ofRules(); got.status != exitBad || !strings.Contains(got.err, "do not load") {
		t.Errorf("health of broken rules: %+v", got)
	}
	write(t, filepath.Join(rules, "exceptions", "break-glass.yml"), testException)
	write(t, file, strings.Replace(testRule, "severity: medium", "severity: high", 1))
	c.signal(syscall.SIGHUP)
	c.says("rules reloaded", `"changed":["root-login"]`)
	eventually(t, "the exception", func() bool { return strings.Contains(health().out, "1 rule and 1 exception") })
	if got := ofRules(); got.status != 0 {
		t.Errorf("health of rules that were mended: %+v", got)
	}

	c.signal(syscall.SIGTERM)
	for range c.lines { // until it has ended
	}
	if err := c.cmd.Wait(); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
}
