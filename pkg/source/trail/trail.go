package trail

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"net/url"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/format/cloudtrail/digest"
	"github.com/shrike-sec/shrike/pkg/source/journal"
)

// Options is what the program passes. Zero durations and sizes mean the defaults.
type Options struct {
	Dir    string      // folder of the journals; "" keeps nothing over a restart
	Source string      // name of the source
	Keys   digest.Keys // none: signatures are not looked at
	// Wait is how long after a digest what it names may still come; default 1 h.
	Wait time.Duration
	// Since is when the source began to be watched if it had read files before there was a journal; zero: everything it
	// ever read is watched.
	Since time.Time
	// Report makes an alert durable. It may be called again with the same alert, and with later revisions of it.
	Report     func(context.Context, alert.Alert) error
	Log        *zap.Logger
	Registerer prometheus.Registerer
}

const (
	// keep is for how long files, and digests that nothing followed, are remembered.
	keep = 8 * 24 * time.Hour
	// maxFiles bounds what is remembered, at some 200 bytes a file: five hours of a hundred accounts in all regions. Chains
	// and alerts are bounded by a tenth of it, digests that wait for another by half.
	maxFiles = 100_000
	// maxDigest bounds a digest in bytes, uncompressed: it names an hour's log files with some 400 bytes each.
	maxDigest = 64 << 20
)

// Watch watches the trails of one source. A nil Watch watches nothing. It is safe for concurrent use.
type Watch struct {
	o        Options
	verifier digest.Verifier
	metrics  metrics

	mu      sync.Mutex // guards all below
	s       state
	change  state // since the last line of the journal
	journal *journal.Journal
	judged  time.Time // when it was last looked for what is overdue
	cleaned time.Time // when old entries were last forgotten
	news    bool      // something is found and not reported
	limit   int       // maxFiles
}

// Open reads what an earlier Watch of the source of that name knew.
func Open(o Options) (*Watch, error) {
	if o.Wait <= 0 {
		o.Wait = time.Hour
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	w := &Watch{o: o, verifier: digest.Verifier{Keys: o.Keys}, metrics: newMetrics(o.Registerer, o.Source), s: newState(), change: newState(), limit: maxFiles, news: true}
	at := ""
	if o.Dir != "" {
		at = filepath.Join(o.Dir, "trail-"+url.PathEscape(o.Source)+".jsonl")
	}
	lines := 0
	var err error
	w.journal, err = journal.Open(at, func(line []byte) { w.replay(line); lines++ }, w.s.all)
	if err != nil {
		return nil, fmt.Errorf("open what is known of trails: %w", err)
	}
	if lines == 0 && !o.Since.IsZero() {
		w.s.Forgotten, w.change.Forgotten = o.Since.Unix(), o.Since.Unix()
		w.save()
	}
	w.share()
	return w, nil
}

func (w *Watch) replay(line []byte) {
	var change state
	if err := json.Unmarshal(line, &change); err != nil { // what it said is read once more
		w.o.Log.Warn("skip a line about trails that cannot be read", zap.Error(err))
		return
	}
	w.s.merge(&change)
}

// share lets files that one digest names remember one copy of it, and gives digests back what JSON does not carry.
func (w *Watch) share() {
	spans := map[string]*span{}
	for _, f := range w.s.Files {
		if f.In == nil {
			continue
		}
		if s := spans[f.In.Digest]; s != nil && *s == *f.In {
			f.In = s
		} else {
			spans[f.In.Digest] = f.In
		}
	}
	for _, l := range w.s.Links {
		l.Digest.EndText = l.EndText
	}
}

// save writes what has changed as one line. A disk that does not take it costs alerts after a restart at worst, and the
// reading of logs does not wait for it: it is logged.
func (w *Watch) save() {
	if err := w.journal.Add(w.change, w.s.all); err != nil {
		w.o.Log.Error("keep nothing about trails", zap.Error(err))
	}
	w.change = newState()
}

// Close closes the journal.
func (w *Watch) Close() error {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.journal.Close()
}

// IsName reports whether a file is named like one that CloudTrail delivers, a digest or another.
func IsName(name string) bool {
	base := path.Base(filepath.ToSlash(name))
	return strings.Contains(base, "_CloudTrail_") || strings.Contains(base, "_CloudTrail-")
}

// Reading is one file while it is read: write all of its uncompressed bytes to it, in order.
type Reading struct {
	name    string
	hash    hash.Hash
	content *bytes.Buffer // of a digest, up to one byte over maxDigest
}

// Reading begins with the file of that name, a path or a key; nil when the file is not CloudTrail's.
func (w *Watch) Reading(name string) *Reading {
	if w == nil || !IsName(name) {
		return nil
	}
	r := &Reading{name: name, hash: sha256.New()}
	if digest.IsName(name) {
		r.content = &bytes.Buffer{}
	}
	return r
}

// Write implements io.Writer and never fails.
func (r *Reading) Write(p []byte) (int, error) {
	if r.content != nil {
		r.content.Write(p[:min(len(p), maxDigest+1-r.content.Len())])
	}
	return r.hash.Write(p)
}

// Take takes a file that was read to its end. Signature is a digest's own, in hexadecimal, where the source knows it
// (S3 has it in the object's metadata), else "". When Take returns it is on disk; reading a file again does no harm.
func (w *Watch) Take(r *Reading, signature string) {
	if r == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	w.metrics.files.Inc()
	got := sum(r.hash.Sum(nil))
	if r.content != nil {
		w.digest(r, got, signature, now)
	} else {
		w.note(r.name, got, digest.LogChanged, now)
	}
	w.save()
}

// digest takes a digest, or what is named like one.
func (w *Watch) digest(r *Reading, got sum, signature string, now time.Time) {
	f, err := digest.NewFile(r.name, r.content.Bytes())
	if r.content.Len() > maxDigest {
		err = errors.New("read digest: longer than 64 MiB")
	}
	if err != nil {
		w.note(r.name, got, digest.DigestChanged, now)
		w.unreadable(r.name, got, err, now)
		return
	}
	f.Hash = hex.EncodeToString(got[:])
	w.metrics.digests.Inc()
	if w.note(r.name, got, digest.DigestChanged, now) && w.join(f, now) {
		w.found(now, f.Renamed()...)
		if signature != "" {
			w.found(now, w.verifier.Signed(&f, signature)...)
		}
		w.expect(&f, now)
	}
}
