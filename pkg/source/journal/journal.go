// Package journal keeps what a source must know after a restart: a file of JSON lines, one a change, the later ones
// overruling the earlier.
//
// Each change is one write, which cannot be half done by a process that dies; opening and growing rewrite the file with
// a rename. A file rewritten as a whole for every change would cost as much as there is to know. It knows nothing of
// what the lines mean: the owner reads them when it opens the journal, and says which hold when it is rewritten. Not
// safe for concurrent use. Start reading at Open.
package journal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
)

// Journal is an open journal. One of path "" keeps nothing.
type Journal struct {
	path  string
	file  *os.File
	lines int // since the last rewriting, and in it
	held  int // lines that it had then
}

// Open reads the journal at path, gives each line to replay and rewrites the file with the lines of all, which are what
// holds after the replay. Folders are made where there are none; path "" keeps nothing.
//
// A line may be cut short by a full disk or a power cut: replay passes over what it cannot read.
func Open(path string, replay func(line []byte), all iter.Seq[any]) (*Journal, error) {
	j := &Journal{path: path}
	if path == "" {
		return j, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("create journal's folder: %w", err)
	}
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	for line := range bytes.Lines(data) {
		replay(line)
	}
	return j, j.rewrite(all)
}

// rewrite replaces the journal by the lines of all.
func (j *Journal) rewrite(all iter.Seq[any]) error {
	next, err := os.OpenFile(j.path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("create journal: %w", err)
	}
	w, n := bufio.NewWriter(next), 0
	for v := range all {
		if err := write(w, v); err != nil {
			return errors.Join(err, next.Close())
		}
		n++
	}
	if err := errors.Join(w.Flush(), next.Sync()); err != nil {
		return errors.Join(fmt.Errorf("write journal: %w", err), next.Close())
	}
	if err := os.Rename(j.path+".new", j.path); err != nil {
		return errors.Join(fmt.Errorf("replace journal: %w", err), next.Close())
	}
	if j.file != nil {
		_ = j.file.Close() // replaced; nothing in it is wanted any more
	}
	j.file, j.lines, j.held = next, n, n
	return nil
}

func write(w io.Writer, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode journal's line: %w", err)
	}
	if _, err := w.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	return nil
}

// Add appends v as a line. When the journal has grown to several times of what it held, it is rewritten with the
// lines of all, v's among them.
func (j *Journal) Add(v any, all iter.Seq[any]) error {
	if j.file == nil {
		return nil
	}
	if err := write(j.file, v); err != nil {
		return err
	}
	if j.lines++; j.lines > 1000+4*j.held {
		return j.rewrite(all)
	}
	return nil
}

// Close writes to the disk what the system still holds.
func (j *Journal) Close() error {
	if j.file == nil {
		return nil
	}
	return errors.Join(j.file.Sync(), j.file.Close())
}
