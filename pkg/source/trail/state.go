package trail

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/shrike-sec/shrike/pkg/format/cloudtrail/digest"
)

// state is what the Watch knows, and also a line of its journal: what a change has touched, nil for what it has
// forgotten.
type state struct {
	Files     map[key]*file       `json:"files,omitempty"`
	Links     map[string]*link    `json:"links,omitempty"`     // by the digest's plain name
	Chains    map[string]*chain   `json:"chains,omitempty"`    // by digest.Digest.Chain
	Troubles  map[string]*trouble `json:"troubles,omitempty"`  // by about.String
	Forgotten int64               `json:"forgotten,omitempty"` // Unix seconds: of files seen until then some may be unknown
}

func newState() state {
	return state{Files: map[key]*file{}, Links: map[string]*link{}, Chains: map[string]*chain{}, Troubles: map[string]*trouble{}}
}

// merge takes over what a line of the journal says.
func (s *state) merge(change *state) {
	mergeMap(s.Files, change.Files)
	mergeMap(s.Links, change.Links)
	mergeMap(s.Chains, change.Chains)
	mergeMap(s.Troubles, change.Troubles)
	s.Forgotten = max(s.Forgotten, change.Forgotten)
}

func mergeMap[K comparable, V any](into, from map[K]*V) {
	for k, v := range from {
		if v == nil {
			delete(into, k)
		} else {
			into[k] = v
		}
	}
}

// all yields the state as lines of a journal.
func (s *state) all(yield func(any) bool) {
	if !yield(state{Forgotten: s.Forgotten}) {
		return
	}
	_ = each(s.Files, yield, func(k key, v *file) state { return state{Files: map[key]*file{k: v}} }) &&
		each(s.Links, yield, func(k string, v *link) state { return state{Links: map[string]*link{k: v}} }) &&
		each(s.Chains, yield, func(k string, v *chain) state { return state{Chains: map[string]*chain{k: v}} }) &&
		each(s.Troubles, yield, func(k string, v *trouble) state { return state{Troubles: map[string]*trouble{k: v}} })
}

func each[K comparable, V any](m map[K]*V, yield func(any) bool, line func(K, *V) state) bool {
	for k, v := range m {
		if !yield(line(k, v)) {
			return false
		}
	}
	return true
}

// file is what is known of one file: what it is, what a digest says it should be, or both.
type file struct {
	Got    sum    `json:"got,omitzero"`
	Other  sum    `json:"other,omitzero"` // what it was before, or another file of its name is: that was read too
	Want   sum    `json:"want,omitzero"`
	Object string `json:"object,omitempty"` // bucket and key, while it is named and not there
	In     *span  `json:"in,omitempty"`     // the digest that names it
	At     int64  `json:"at"`               // Unix seconds of the last news
	Told   bool   `json:"told,omitempty"`   // that it is changed, or missing
}

// span is a digest as the files that it names remember it.
type span struct {
	Digest  string    `json:"digest"` // its key
	Chain   string    `json:"chain"`
	Account string    `json:"account"`
	Region  string    `json:"region"`
	Start   time.Time `json:"start"`
	End     time.Time `json:"end"`
}

func spanOf(d *digest.Digest) *span {
	return &span{Digest: d.Object, Chain: d.Chain(), Account: d.Account, Region: d.Region(), Start: d.Start, End: d.End}
}

func (s *span) problem(k digest.Kind, object, detail string) digest.Problem {
	return digest.Problem{
		Kind: k, Chain: s.Chain, Account: s.Account, Region: s.Region, Object: object, Detail: detail, Start: s.Start, End: s.End,
	}
}

// link is a digest that waits for the one before or behind it in its chain. Its list of files is taken off.
type link struct {
	digest.File
	EndText string `json:"end_text"`
	At      int64  `json:"at"`
	Before  bool   `json:"before,omitempty"` // nothing more to say of the one before it
	After   bool   `json:"after,omitempty"`  // the one behind it has come
	Anew    bool   `json:"anew,omitempty"`   // it is told that the chain begins anew with it
}

func newLink(f digest.File, at time.Time) *link {
	d := *f.Digest
	d.Logs = nil
	return &link{File: digest.File{Digest: &d, Name: f.Name, Hash: f.Hash}, EndText: d.EndText, At: at.Unix()}
}

// chain is what remains of a chain when its digests are linked and forgotten.
type chain struct {
	Account string    `json:"account"`
	Region  string    `json:"region"`
	Oldest  time.Time `json:"oldest"` // end of the first digest that was seen
	Newest  time.Time `json:"newest"`
	OnTime  int       `json:"on_time,omitempty"` // digests in a row that came soon after their end
	Told    bool      `json:"told,omitempty"`    // that no more digests come
}

// key is a file's name, shortened.
type key [16]byte

// plainName is a file's name without folders and without the ending that unpacking takes off.
func plainName(name string) string {
	return strings.TrimSuffix(path.Base(filepath.ToSlash(name)), ".gz")
}

func keyOf(name string) key {
	hash := sha256.Sum256([]byte(plainName(name)))
	return key(hash[:16])
}

// MarshalText implements encoding.TextMarshaler.
func (k key) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, k[:]), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *key) UnmarshalText(text []byte) error { return unhex(k[:], text) }

// sum is a SHA-256; the zero value is none.
type sum [sha256.Size]byte

// MarshalText implements encoding.TextMarshaler.
func (s sum) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, s[:]), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *sum) UnmarshalText(text []byte) error { return unhex(s[:], text) }

func unhex(to, text []byte) error {
	if n, err := hex.Decode(to, text[:min(len(text), 2*len(to))]); err != nil || n < len(to) || len(text) > 2*len(to) {
		return fmt.Errorf("decode %.80q: want %d bytes in hexadecimal", text, len(to))
	}
	return nil
}
