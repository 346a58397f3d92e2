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

// Renamed returns a problem when the digest says of itself that it is another. Without this, one could be taken out of
// its chain by an edit of its name.
func (f *File) Renamed() []Problem {
	if strings.TrimSuffix(f.Name, ".gz") == strings.TrimSuffix(path.Base(f.Object), ".gz") {
		return nil
	}
	return []Problem{f.Problem(DigestChanged, f.at(), "found in a file named "+f.Name)}
}

// at is where the digest says it is: bucket and key.
func (d *Digest) at() string { return d.Bucket + "/" + d.Object }

// Prev is where the digest says the one before it is: bucket and key.
func (d *Digest) Prev() string { return d.PrevBucket + "/" + d.PrevObject }

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
		places := map[string]int{}
		if chain[0].Backfill() {
			for i := range chain {
				places[chain[i].at()] = i
			}
		}
		for i := range chain {
			all = append(all, chain[i].Renamed()...)
			all = append(all, v.links(chain, i, places)...)
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

// links checks the i-th digest against the one before it. Backfills are in the order of their links, which need not be that of
// their hours; places says where in the chain each is.
func (v *Verifier) links(chain []File, i int, places map[string]int) []Problem {
	next := &chain[i]
	twice := i > 0 && chain[i-1].Object == next.Object
	switch {
	case i == 0 && !next.Backfill():
		return nil
	case twice, !next.Backfill():
		return v.Link(&chain[i-1], next)
	case next.First():
		return nil
	}
	if before, ok := places[next.Prev()]; ok {
		return v.Link(&chain[before], next)
	}
	if !next.Missed(chain[0].End) {
		return nil
	}
	return []Problem{next.Problem(DigestMissing, next.Prev(), "named by the digest after it")}
}

// Problem makes a problem of what the digest covers. object is bucket and key of what is wrong.
func (d *Digest) Problem(k Kind, object, detail string) Problem {
	return Problem{
		Kind: k, Chain: d.Chain(), Account: d.Account, Region: d.Region(), Object: object, Detail: detail, Start: d.Start, End: d.End,
	}
}

// Link checks that before is what next, a later digest of the same chain, says of its predecessor.
func (v *Verifier) Link(before, next *File) []Problem {
	at := before.at()
	switch {
	case next.Object == before.Object:
		return []Problem{next.Problem(DigestChanged, at, "two different digests of this name")}
	case next.First():
		return []Problem{next.Problem(Gap, next.at(),
			"the chain begins anew: logging or its validation was off since "+before.End.UTC().Format(time.RFC3339))}
	case next.Prev() != at:
		return []Problem{next.Problem(DigestMissing, next.Prev(), "named by the digest after it")}
	}
	var all []Problem
	if why := Compare(next.PrevHashKind, next.PrevHash, before.Hash); why != "" {
		all = append(all, before.Problem(DigestChanged, at, why))
	}
	if len(v.Keys.all) > 0 && !v.Keys.verify(before.Fingerprint, before.signed(before.Hash), next.PrevSign) {
		all = append(all, before.Problem(Forged, at, "its signature, which the digest after it repeats, is not that of its content with any known key"))
	}
	if !next.Start.Equal(before.End) && !next.Backfill() {
		all = append(all, next.Problem(Gap, next.at(), fmt.Sprintf("it begins at %s, the digest before it ends at %s",
			next.Start.UTC().Format(time.RFC3339), before.End.UTC().Format(time.RFC3339))))
	}
	return all
}

// Signed checks a digest by its own signature, hexadecimal: S3 has it in the object's metadata ("signature"), and
// nowhere else is that of a chain's newest digest. Without keys nothing is checked.
func (v *Verifier) Signed(f *File, signature string) []Problem {
	if len(v.Keys.all) == 0 || v.Keys.verify(f.Fingerprint, f.signed(f.Hash), signature) {
		return nil
	}
	return []Problem{f.Problem(Forged, f.at(), "the signature of its object is not that of its content with any known key")}
}

// Compare says what is wrong with a file of hash got, of which a digest has the hash want of that kind; "" when nothing is.
func Compare(kind, want, got string) string {
	switch {
	case kind != "SHA-256":
		return fmt.Sprintf("delivered with an unknown kind of hash, %.20q", kind)
	case !strings.EqualFold(want, got):
		return fmt.Sprintf("delivered with SHA-256 %.64s, now %s", want, got)
	}
	return ""
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
			all = append(all, f.Problem(LogMissing, at, "named by the digest "+f.Object))
		case err != nil:
			all = append(all, f.Problem(LogUnreadable, at, err.Error()))
		default:
			if why := Compare(l.HashKind, l.Hash, got); why != "" {
				all = append(all, f.Problem(LogChanged, at, why))
			}
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
