package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shrike-sec/shrike/pkg/record"
)

const childEnv = "SHRIKE_FILE_TEST_CHILD"

// child reads the log below dir into a file and is meant to be killed while it does.
func child(dir string) int {
	out, err := os.OpenFile(filepath.Join(dir, "out"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return 1
	}
	s, err := New(Config{Name: "test", Paths: []string{filepath.Join(dir, "logs")}}, Options{
		Positions: filepath.Join(dir, "positions"), Registry: formats(),
	})
	if err != nil {
		return 1
	}
	s.pieceSize, s.limits.Records = 512, 50
	if err := s.Run(context.Background(), &fileSink{out}); err != nil {
		return 1
	}
	return 0
}

// fileSink takes a batch with one write, which a dead process cannot leave half done.
type fileSink struct{ out *os.File }

func (f *fileSink) Records(_ context.Context, rs []record.Record) error {
	var b bytes.Buffer
	for i := range rs {
		b.Write(rs[i].Raw)
		b.WriteByte('\n')
	}
	_, err := f.out.Write(b.Bytes())
	return err
}

func (f *fileSink) DeadLetters(context.Context, []record.DeadLetter) error {
	return errors.New("no dead letters here")
}

// A process that is killed at any moment loses no line, and reads at most one batch again for each kill.
func TestKilledProcessLosesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const lines, kills = 60_000, 12
	write(t, filepath.Join(dir, "logs/a.log"), text(numbered("plain", lines)))
	write(t, filepath.Join(dir, "logs/b.log.gz"), zipped(text(numbered("packed", lines))))
	killed := 0
	for {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"="+dir)
		size := outSize(t, dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		if killed < kills {
			until := size + rand.Int64N(60_000)
			waitFor(func() bool { return outSize(t, dir) >= until }, ended)
			_ = cmd.Process.Kill() // it may have ended by itself
			killed++
		}
		if err := <-ended; err == nil {
			break
		} else if killed >= kills && cmd.ProcessState.ExitCode() >= 0 {
			t.Fatalf("child: %v", err)
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for line := range strings.Lines(string(data)) {
		seen[strings.TrimSuffix(line, "\n")]++
	}
	again := 0
	for _, prefix := range []string{"plain", "packed"} {
		for i := range lines {
			n := seen[fmt.Sprintf("%s line %d", prefix, i)]
			if n == 0 {
				t.Fatalf("%s line %d is lost after %d kills", prefix, i, killed)
			}
			again += n - 1
		}
	}
	t.Logf("%d kills, %d of %d lines read again", killed, again, 2*lines)
	if killed < 3 || again > killed*50 {
		t.Errorf("%d kills and %d lines read again: more than a batch of 50 a kill", killed, again)
	}
}

func outSize(t *testing.T, dir string) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, "out"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
