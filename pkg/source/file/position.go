package file

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"
)

// position is how far a file is read: everything in front of Offset, or the first Done results of a compressed file,
// is acknowledged.
type position struct {
	fileID
	Head    uint64 `json:"head"`     // hash of the first HeadLen bytes
	HeadLen int    `json:"head_len"` // at most headSize
	Path    string `json:"path"`     // where it was first seen; the object of its records

	Offset  int64  `json:"offset,omitempty"`
	Line    int64  `json:"line,omitempty"`    // of the byte at Offset, from 1
	InList  bool   `json:"in_list,omitempty"` // Offset is inside a list of records
	Element int64  `json:"element,omitempty"` // number of the last element of that list
	Format  string `json:"format,omitempty"`  // given or by a header line
	Layout  string `json:"layout,omitempty"`

	Results  int64 `json:"results,omitempty"`  // of a compressed file
	Finished bool  `json:"finished,omitempty"` // nothing more is to come
	Seen     int64 `json:"seen"`               // Unix seconds of the last change
}

// forgetAfter is how long the position of a file that is not there any more is kept: a disk may be away for a while.
const forgetAfter = 30 * 24 * time.Hour

// positions is the journal of one source: each acknowledgement appends one line, which is one write and cannot be
// half done by a process that dies; opening it rewrites it with a rename. A file rewritten as a whole for every
// acknowledgement would cost as much as there are files.
type positions struct {
	path    string // "" keeps nothing on disk
	byID    map[fileID]position
	journal *os.File
	lines   int
	log     *zap.Logger
}

func openPositions(dir, name string, log *zap.Logger) (*positions, error) {
	p := &positions{byID: map[fileID]position{}, log: log}
	if dir == "" {
		return p, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create positions folder: %w", err)
	}
	p.path = filepath.Join(dir, "file-"+url.PathEscape(name)+".jsonl")
	if err := p.load(); err != nil {
		return nil, err
	}
	if err := p.rewrite(); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *positions) load() error {
	data, err := os.ReadFile(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read positions: %w", err)
	}
	oldest := time.Now().Add(-forgetAfter).Unix()
	for line := range bytes.Lines(data) {
		var pos position
		// A line may be cut short by a full disk or a power cut: what it said is then read once more.
		if err := json.Unmarshal(line, &pos); err != nil {
			p.log.Warn("skip a position that cannot be read", zap.Error(err))
			continue
		}
		p.byID[pos.fileID] = pos
	}
	for id, pos := range p.byID {
		if pos.Seen < oldest && at(pos.Path) != id {
			delete(p.byID, id)
		}
	}
	return nil
}

// rewrite replaces the journal by one line a file.
func (p *positions) rewrite() error {
	next, err := os.OpenFile(p.path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("create positions file: %w", err)
	}
	w := bufio.NewWriter(next)
	for _, pos := range p.byID {
		if err := writePosition(w, pos); err != nil {
			return errors.Join(err, next.Close())
		}
	}
	if err := errors.Join(w.Flush(), next.Sync()); err != nil {
		return errors.Join(fmt.Errorf("write positions: %w", err), next.Close())
	}
	if err := os.Rename(p.path+".new", p.path); err != nil {
		return errors.Join(fmt.Errorf("replace positions file: %w", err), next.Close())
	}
	if p.journal != nil {
		_ = p.journal.Close() // replaced; nothing in it is wanted any more
	}
	p.journal, p.lines = next, len(p.byID)
	return nil
}

func writePosition(w io.Writer, pos position) error {
	line, err := json.Marshal(pos)
	if err != nil {
		return fmt.Errorf("encode position: %w", err)
	}
	if _, err := w.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write position: %w", err)
	}
	return nil
}

// save keeps an acknowledged position. A disk that does not take it costs a second reading after a restart, not the
// records: that is logged and reading goes on.
func (p *positions) save(pos position) {
	pos.Seen = time.Now().Unix()
	p.byID[pos.fileID] = pos
	if p.journal == nil {
		return
	}
	err := writePosition(p.journal, pos)
	if p.lines++; err == nil && p.lines > 1000+4*len(p.byID) {
		err = p.rewrite()
	}
	if err != nil {
		p.log.Error("keep no position", zap.Error(err))
	}
}

func (p *positions) close() {
	if p.journal != nil {
		if err := errors.Join(p.journal.Sync(), p.journal.Close()); err != nil {
			p.log.Error("close positions", zap.Error(err))
		}
	}
}
