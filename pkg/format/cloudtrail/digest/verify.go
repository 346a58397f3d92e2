package digest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// Kind is what is wrong.
type Kind string

// What can be wrong.
const (
	LogMissing    Kind = "log_missing"    // a log file that was delivered is not there
	LogChanged    Kind = "log_changed"    // a log file is not what was delivered
	LogUnreadable Kind = "log_unreadable" // a log file cannot be read to its end
	DigestMissing Kind = "digest_missing" // a digest between two others is not there
	DigestChanged Kind = "digest_changed" // a digest is not what was delivered
	Forged        Kind = "forged"         // a digest's signature is not CloudTrail's
	Gap           Kind = "gap"            // digests follow each other, but not their times, or the chain begins anew
)

// Kinds lists every Kind.
func Kinds() []Kind {
	return []Kind{LogMissing, LogChanged, LogUnreadable, DigestMissing, DigestChanged, Forged, Gap}
}

// Problem is one thing that is not as CloudTrail left it.
type Problem struct {
	Kind    Kind
	Chain   string // see Digest.Chain
	Account string
	Region  string
	Object  string // bucket and key of what is wrong
	Detail  string
	Start   time.Time // what the digest covers
	End     time.Time
}

// File is a digest that was found.
type File struct {
	*Digest
	Name string // of the file it was found in, without folders
	Hash string // SHA-256 of its uncompressed content, hexadecimal
}

// NewFile parses a digest's uncompressed content and takes its hash.
func NewFile(name string, content []byte) (File, error) {
	d, err := Parse(content)
	sum := sha256.Sum256(content)
	return File{Digest: d, Name: path.Base(name), Hash: hex.EncodeToString(sum[:])}, err
}

// renamed reports that the digest says of itself that it is another. Without this, one could be taken out of its chain
// by an edit of its name.
func (f *File) renamed() bool {
	return strings.TrimSuffix(f.Name, ".gz") != strings.TrimSuffix(path.Base(f.Object), ".gz")
}

// Verifier checks chains of digests.
type Verifier struct {
	// Keys are the public keys; none: signatures are not looked at.
	Keys Keys
	// Open opens a log file, uncompressed; fs.ErrNotExist when it is not there.
	Open func(bucket, key string) (io.ReadCloser, error)
}

// Verify checks digests, in any order, of any chains; two copies of one are one. It reads every log file that they
// name once. That the oldest digest's predecessor is missing is no problem: a copy begins somewhere. The error is the
// context's.
func (v *Verifier) Verify(ctx context.Context, files []File) ([]Problem, error) {
	chains := map[string][]File{}
	for _, f := range files {
		chains[f.Chain()] = append(chains[f.Chain()], f)
	}
	var all []Problem
	for _, chain := range chains {
		slices.SortFunc(chain, func(a, b File) int {
			return cmp.Or(a.End.Compare(b.End), cmp.Compare(a.Object, b.Object), cmp.Compare(a.Hash, b.Hash))
		})
		chain = slices.CompactFunc(chain, func(a, b File) bool { return a.Object == b.Object && a.Hash == b.Hash })
		for i := range chain {
			if chain[i].renamed() {
				all = append(all, chain[i].problem(DigestChanged, chain[i].Bucket+"/"+chain[i].Object, "found in a file named "+chain[i].Name))
			}
			if i > 0 {
				all = v.link(all, &chain[i-1], &chain[i])
			}
			var err error
			if all, err = v.logs(ctx, all, &chain[i]); err != nil {
				return nil, err
			}
		}
	}
	slices.SortFunc(all, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Chain, b.Chain), a.End.Compare(b.End), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Object, b.Object))
	})
	return all, nil
}

func (d *Digest) problem(k Kind, object, detail string) Problem {
	return Problem{
		Kind: k, Chain: d.Chain(), Account: d.Account, Region: d.Region(), Object: object, Detail: detail, Start: d.Start, End: d.End,
	}
}

// link checks that before is what next says of its predecessor.
func (v *Verifier) link(all []Problem, before, next *File) []Problem {
	at := before.Bucket + "/" + before.Object
	named := next.PrevBucket + "/" + next.PrevObject
	switch {
	case next.first():
		return append(all, next.problem(Gap, next.Bucket+"/"+next.Object,
			"the chain begins anew: logging or its validation was off since "+before.End.UTC().Format(time.RFC3339)))
	case next.Object == before.Object:
		return append(all, next.problem(DigestChanged, at, "two different digests of this name"))
	case named != at:
		return append(all, next.problem(DigestMissing, named, "named by the digest after it"))
	}
	if !strings.EqualFold(next.PrevHash, before.Hash) {
		all = append(all, before.problem(DigestChanged, at, hashes(next.PrevHashKind, next.PrevHash, before.Hash)))
	}
	if len(v.Keys.all) > 0 && !v.Keys.verify(before.Fingerprint, before.signed(before.Hash), next.PrevSign) {
		all = append(all, before.problem(Forged, at, "its signature, which the digest after it repeats, is not that of its content with any known key"))
	}
	if !next.Start.Equal(before.End) {
		all = append(all, next.problem(Gap, next.Bucket+"/"+next.Object, fmt.Sprintf("it begins at %s, the digest before it ends at %s",
			next.Start.UTC().Format(time.RFC3339), before.End.UTC().Format(time.RFC3339))))
	}
	return all
}

func hashes(kind, want, got string) string {
	if kind != "SHA-256" {
		return fmt.Sprintf("delivered with an unknown kind of hash, %.20q", kind)
	}
	return fmt.Sprintf("delivered with SHA-256 %.64s, now %s", want, got)
}

// logs checks the log files that a digest names.
func (v *Verifier) logs(ctx context.Context, all []Problem, f *File) ([]Problem, error) {
	for i := range f.Logs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		l := &f.Logs[i]
		at := l.Bucket + "/" + l.Object
		got, err := v.hash(ctx, l)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, fs.ErrNotExist):
			all = append(all, f.problem(LogMissing, at, "named by the digest "+f.Object))
		case err != nil:
			all = append(all, f.problem(LogUnreadable, at, err.Error()))
		case l.HashKind != "SHA-256" || !strings.EqualFold(got, l.Hash):
			all = append(all, f.problem(LogChanged, at, hashes(l.HashKind, l.Hash, got)))
		}
	}
	return all, nil
}

func (v *Verifier) hash(ctx context.Context, l *Log) (string, error) {
	in, err := v.Open(l.Bucket, l.Object)
	if err != nil {
		return "", err
	}
	defer func() { _ = in.Close() }() // only read from
	h := sha256.New()
	if _, err := io.Copy(h, &stoppable{ctx, in}); err != nil {
		return "", fmt.Errorf("read log file: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// stoppable ends reading when the context is done.
type stoppable struct {
	ctx context.Context //nolint:containedctx // lives for one file
	in  io.Reader
}

func (s *stoppable) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.in.Read(p)
}
