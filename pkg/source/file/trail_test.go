package file

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/format/cloudtrail/digest/digesttest"
	"github.com/shrike-sec/shrike/pkg/source/sourcetest"
	"github.com/shrike-sec/shrike/pkg/source/trail"
)

// reports gathers alerts.
type reports struct {
	mu     sync.Mutex // guards titles
	titles map[string]bool
}

func (r *reports) add(_ context.Context, a alert.Alert) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.titles[titleOf(a)] = true
	return nil
}

func titleOf(a alert.Alert) string { title, _, _ := strings.Cut(a.Title, " ("); return title }

func (r *reports) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.titles))
}

// lay lays objects down, every third unpacked as people do.
func lay(t testing.TB, root string, unpack bool, objects ...digesttest.Object) {
	t.Helper()
	for i, o := range objects {
		path := filepath.Join(root, filepath.FromSlash(o.Key))
		if unpack && i%3 == 0 {
			write(t, strings.TrimSuffix(path, ".gz"), string(o.Content))
		} else {
			write(t, path, string(o.Zipped(t)))
		}
	}
}

// harmed is a trail of which a log is missing, another changed, and a digest missing.
func harmed(t testing.TB, hours int) (objects []digesttest.Object, want []string) {
	logs, digests := digesttest.Trail{Key: digesttest.NewKey(t), Start: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Hours: hours}.Deliver(t)
	logs[1].Content[2]++
	logs = slices.Delete(logs, 5, 6)
	digests = slices.Delete(digests, 3, 4)
	return slices.Concat(logs, digests), []string{
		"1 digests of a trail are missing", "1 log files of a trail are missing", "1 log files of a trail were changed after delivery",
	}
}

// Files of a trail are checked when they are read, packed or not. Without showPlain, those that are unpacked are missing.
func TestTrailsAreWatched(t *testing.T) {
	t.Parallel()
	objects, want := harmed(t, 12)
	dir := t.TempDir()
	lay(t, filepath.Join(dir, "logs"), true, objects...)
	r := &reports{titles: map[string]bool{}}
	s := newSource(t, dir, false, filepath.Join(dir, "logs"))
	s.o.Trail = trail.Options{Report: r.add}
	run(t, s, sourcetest.New())
	if diff := cmp.Diff(want, r.all()); diff != "" {
		t.Errorf("alerts (-want +got):\n%s", diff)
	}
}

// While files are followed, what a digest names is waited for.
func TestTrailsAreWatchedWhileFollowed(t *testing.T) {
	t.Parallel()
	logs, digests := digesttest.Trail{Key: digesttest.NewKey(t), Start: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Hours: 6}.Deliver(t)
	dir := t.TempDir()
	root := filepath.Join(dir, "logs")
	lay(t, root, true, digests...)
	lay(t, root, true, logs[:4]...)
	r := &reports{titles: map[string]bool{}}
	s := newSource(t, dir, true, root)
	s.o.Trail = trail.Options{Report: r.add, Wait: 30 * time.Second}
	sink := sourcetest.New()
	stop := start(t, s, sink)
	sink.Wait(t, "digests and logs", func(lines []string) bool { return len(lines) == 10 })
	lay(t, root, true, logs[4])
	logs[5].Content[2]++
	lay(t, root, true, logs[5])
	until(t, "the changed log's alert", func() bool { return len(r.all()) > 0 })
	stop()

	s = newSource(t, dir, true, root)
	s.o.Trail = trail.Options{Report: r.add, Wait: time.Millisecond}
	stop = start(t, s, sink)
	write(t, filepath.Join(root, "other.log"), "a line\n")
	sink.Wait(t, "another file", func(lines []string) bool { return len(lines) == 13 })
	stop()
	if diff := cmp.Diff([]string{"1 log files of a trail were changed after delivery"}, r.all()); diff != "" {
		t.Errorf("alerts (-want +got):\n%s", diff)
	}
}

func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline, tick := time.After(30*time.Second), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not in time", what)
		}
	}
}

const trailChildEnv = "SHRIKE_FILE_TEST_TRAIL_CHILD"

// trailChild reads a trail below dir, writes what it reports into a file and is meant to be killed while it does.
func trailChild(dir string) int {
	out, err := os.OpenFile(filepath.Join(dir, "out"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return 1
	}
	s, err := New(Config{Name: "test", Paths: []string{filepath.Join(dir, "logs")}}, Options{
		Positions: filepath.Join(dir, "positions"), Registry: formats(),
		Trail: trail.Options{Report: func(_ context.Context, a alert.Alert) error {
			line, err := json.Marshal(a)
			if err != nil {
				return err
			}
			_, err = out.Write(append(line, '\n'))
			return err
		}},
	})
	if err != nil {
		return 1
	}
	if err := s.Run(context.Background(), &fileSink{out: os.Stderr}); err != nil {
		return 1
	}
	return 0
}

// A process that is killed at any moment while it reads a trail reports what is wrong with it all the same, under the
// same ids, and nothing that is not. When Take stands behind the line that saves Finished, logs that were read are called missing.
func TestKilledProcessWatchesTrails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	objects, want := harmed(t, 400)
	lay(t, filepath.Join(dir, "logs"), true, objects...)
	killed := 0
	for {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), trailChildEnv+"="+dir)
		size := positionsSize(t, dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		if killed < 15 {
			until := size + rand.Int64N(20_000)
			waitFor(func() bool { return positionsSize(t, dir) >= until }, ended)
			_ = cmd.Process.Kill() // it may have ended by itself
			killed++
		}
		if err := <-ended; err == nil {
			break
		} else if cmd.ProcessState.ExitCode() >= 0 {
			t.Fatalf("child: %v", err)
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	byID := map[string]string{}
	for line := range strings.Lines(string(data)) {
		var a alert.Alert
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatal(err)
		}
		byID[a.ID] = titleOf(a)
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Values(byID))); diff != "" {
		t.Errorf("alerts after %d kills (-want +got):\n%s", killed, diff)
	}
}

// positionsSize is how large the position file is, 0 when there is none.
func positionsSize(t testing.TB, dir string) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, "positions", "file-test.jsonl"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	if err != nil {
		t.Fatal(fmt.Errorf("look at positions: %w", err))
	}
	return info.Size()
}

// waitFor returns when the condition holds, or the child has ended.
func waitFor(holds func() bool, ended chan error) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case err := <-ended:
			ended <- err
			return
		case <-tick.C:
		}
	}
}
