package file

import (
	"encoding/json"
	"fmt"
	"iter"
	"net/url"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/source/journal"
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
	Last    string `json:"last,omitempty"` // format of the last record

	Shown    int64 `json:"shown,omitempty"`    // size of a plain file when it was shown to the watch of trails
	Results  int64 `json:"results,omitempty"`  // of a compressed file
	Finished bool  `json:"finished,omitempty"` // nothing more is to come
	Seen     int64 `json:"seen"`               // Unix seconds of the last change
}

// forgetAfter is how long the position of a file that is not there any more is kept: a disk may be away for a while.
const forgetAfter = 30 * 24 * time.Hour

// positions are those of one source, and their journal: each acknowledgement is a line of it.
type positions struct {
	byID    map[fileID]position
	journal *journal.Journal
	log     *zap.Logger
}

// openPositions reads the positions of the source of that name; dir "" keeps none.
func openPositions(dir, name string, log *zap.Logger) (*positions, error) {
	p := &positions{byID: map[fileID]position{}, log: log}
	path := ""
	if dir != "" {
		path = filepath.Join(dir, "file-"+url.PathEscape(name)+".jsonl")
	}
	var err error
	p.journal, err = journal.Open(path, p.replay, p.kept(time.Now().Add(-forgetAfter)))
	if err != nil {
		return nil, fmt.Errorf("open positions: %w", err)
	}
	return p, nil
}

func (p *positions) replay(line []byte) {
	var pos position
	if err := json.Unmarshal(line, &pos); err != nil { // what it said is then read once more
		p.log.Warn("skip a position that cannot be read", zap.Error(err))
		return
	}
	p.byID[pos.fileID] = pos
}

// kept forgets the positions of files that are long gone and yields the others.
func (p *positions) kept(since time.Time) iter.Seq[any] {
	return func(yield func(any) bool) {
		for id, pos := range p.byID {
			if pos.Seen < since.Unix() && at(pos.Path) != id {
				delete(p.byID, id)
			} else if !yield(pos) {
				return
			}
		}
	}
}

// all yields every position.
func (p *positions) all(yield func(any) bool) {
	for _, pos := range p.byID {
		if !yield(pos) {
			return
		}
	}
}

// save keeps an acknowledged position. A disk that does not take it costs a second reading after a restart, not the
// records: that is logged and reading goes on.
func (p *positions) save(pos position) {
	pos.Seen = time.Now().Unix()
	p.byID[pos.fileID] = pos
	if err := p.journal.Add(pos, p.all); err != nil {
		p.log.Error("keep no position", zap.Error(err))
	}
}

func (p *positions) close() {
	if err := p.journal.Close(); err != nil {
		p.log.Error("close positions", zap.Error(err))
	}
}
