package file

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/shrike-sec/shrike/pkg/source/sourcetest"
)

func TestFollowWaitsForTheNewline(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.log")
	write(t, path, "one\ntw")
	sink := sourcetest.New()
	stop := start(t, newSource(t, dir, true, path), sink)
	sink.Wait(t, "the first line", same([]string{"one"}))
	appendTo(t, path, "o")
	appendTo(t, filepath.Join(dir, "b.log"), "") // another round without news of a.log
	appendTo(t, path, "\nthree\nfo")
	sink.Wait(t, "the whole second line", same([]string{"one", "two", "three"}))
	stop()

	appendTo(t, path, "ur\n")
	stop = start(t, newSource(t, dir, true, path), sink)
	sink.Wait(t, "what came while nobody followed", same([]string{"one", "two", "three", "four"}))
	stop()
}

func TestFollowFindsNewFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "logs/a.log"), "a\n")
	sink := sourcetest.New()
	stop := start(t, newSource(t, dir, true, filepath.Join(dir, "logs")), sink)
	defer stop()
	sink.Wait(t, "the first file", same([]string{"a"}))
	write(t, filepath.Join(dir, "logs/new/b.log"), "b\n")
	sink.Wait(t, "a file in a new folder", same([]string{"a", "b"}))
	write(t, filepath.Join(dir, "logs/c.log.gz"), zipped("c\nd\n"))
	sink.Wait(t, "a compressed file", same([]string{"a", "b", "c", "d"}))
}

// The writer goes on in the renamed file for a while, then makes a new one; the rotated file's last line has no newline.
func TestRotationByRename(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.log")
	write(t, path, "one\n")
	sink := sourcetest.New()
	stop := start(t, newSource(t, dir, true, path), sink)
	defer stop()
	sink.Wait(t, "the old file", same([]string{"one"}))
	for i := range 3 {
		rotated := fmt.Sprintf("%s.%d", path, i)
		if err := os.Rename(path, rotated); err != nil {
			t.Fatal(err)
		}
		appendTo(t, rotated, fmt.Sprintf("late %d\nunfinished %d", i, i))
		write(t, path, fmt.Sprintf("new %d\n", i))
		sink.Wait(t, "old and new file", func(lines []string) bool {
			return slices.Contains(lines, fmt.Sprintf("late %d", i)) && slices.Contains(lines, fmt.Sprintf("new %d", i)) &&
				slices.Contains(lines, fmt.Sprintf("unfinished %d", i))
		})
	}
	if n := len(sink.Lines()); n != 10 {
		t.Errorf("%d lines, want 10, each once: %q", n, sink.Lines())
	}
}

func TestRotationWhileNobodyFollows(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.log")
	write(t, path, "one\n")
	sink := sourcetest.New()
	stop := start(t, newSource(t, dir, true, path), sink)
	sink.Wait(t, "the first line", same([]string{"one"}))
	stop()
	appendTo(t, path, "two\n")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	write(t, path, "three\n")
	stop = start(t, newSource(t, dir, true, path), sink)
	sink.Wait(t, "both files", func(lines []string) bool {
		return len(lines) == 3 && slices.Contains(lines, "two") && slices.Contains(lines, "three")
	})
	stop()

	stop = start(t, newSource(t, dir, true, path), sink)
	appendTo(t, path, "four\n")
	sink.Wait(t, "one more line", func(lines []string) bool { return slices.Contains(lines, "four") })
	stop()
	if n := len(sink.Lines()); n != 4 {
		t.Errorf("%d lines, want 4, each once: %q", n, sink.Lines())
	}
}

func TestCopyTruncate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.log")
	first := numbered("before", 20)
	write(t, path, text(first))
	sink := sourcetest.New()
	stop := start(t, newSource(t, dir, true, path), sink)
	defer stop()
	sink.Wait(t, "the first lines", same(first))
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	appendTo(t, path, "after\n")
	sink.Wait(t, "a shorter file", same(append(slices.Clone(first), "after")))
	// Truncated and at once longer than before: only its first bytes tell.
	longer := numbered("much longer than before", 40)
	write(t, path, text(longer))
	sink.Wait(t, "a longer file", same(slices.Concat(first, []string{"after"}, longer)))
}

func TestAFileThatDisappearsCostsOnlyItself(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "logs/a.log"), "a\n")
	write(t, filepath.Join(dir, "logs/b.log"), "b\n")
	if err := os.Symlink(filepath.Join(dir, "nowhere"), filepath.Join(dir, "logs/dangling")); err != nil {
		t.Fatal(err)
	}
	sink := sourcetest.New()
	stop := start(t, newSource(t, dir, true, filepath.Join(dir, "logs")), sink)
	defer stop()
	sink.Wait(t, "both files", same([]string{"a", "b"}))
	if err := os.Remove(filepath.Join(dir, "logs/a.log")); err != nil {
		t.Fatal(err)
	}
	appendTo(t, filepath.Join(dir, "logs/b.log"), "more\n")
	sink.Wait(t, "the other file", same([]string{"a", "b", "more"}))
}
