package scan

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/shrike-sec/shrike/pkg/correlate"
	"github.com/shrike-sec/shrike/pkg/format/cloudtrail/digest"
	"github.com/shrike-sec/shrike/pkg/source/trail"
)

// maxDigest bounds a digest file in bytes, uncompressed: it names an hour's log files with some 400 bytes each.
const maxDigest = 64 << 20

// verify checks the trail by the digests among the inputs. Log files are found by their name, for a copy may have lost
// its folders; CloudTrail's names are unique.
func (s *scan) verify(ctx context.Context, inputs []Input) error {
	byName := map[string][]Input{}
	var files []digest.File
	var problems []digest.Problem
	for _, in := range inputs {
		name := base(in.Name)
		byName[name] = append(byName[name], in)
		if in.Name == stdinName || !s.digests[in.Name] && !digest.IsName(name) {
			continue
		}
		f, err := readDigest(in)
		switch {
		case err != nil:
			problems = append(problems, digest.Problem{Kind: digest.DigestChanged, Chain: name, Object: in.Name, Detail: err.Error()})
		case (s.o.Since.IsZero() || f.End.After(s.o.Since)) && (s.o.Until.IsZero() || f.Start.Before(s.o.Until)):
			files = append(files, f)
		}
	}
	v := digest.Verifier{Keys: s.o.DigestKeys, Open: func(_, key string) (io.ReadCloser, error) {
		in := byName[base(key)]
		if len(in) == 0 {
			return nil, fs.ErrNotExist
		}
		return openPlain(in[0])
	}}
	found, err := v.Verify(ctx, files)
	if err != nil {
		return err
	}
	problems = append(problems, found...)
	for _, f := range files {
		for _, l := range f.Logs {
			same := byName[base(l.Object)]
			for _, in := range same[min(1, len(same)):] {
				if err := ctx.Err(); err != nil {
					return fmt.Errorf("check log files: %w", err)
				}
				if why := changed(in, l); why != "" {
					problems = append(problems, f.Problem(digest.LogChanged, in.Name, why))
				}
			}
		}
	}
	s.report.Digests = len(files)
	s.keep(correlate.Result{Alerts: trail.Alerts(problems)})
	return nil
}

// changed says what is wrong with a second file of a log file's name: what it holds was read too.
func changed(in Input, l digest.Log) string {
	r, err := openPlain(in)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = r.Close() }() // only read from
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return err.Error()
	}
	return digest.Compare(l.HashKind, l.Hash, hex.EncodeToString(h.Sum(nil)))
}

// base is a file's name without folders and without the ending that unpacking takes off.
func base(name string) string {
	return strings.TrimSuffix(path.Base(filepath.ToSlash(name)), ".gz")
}

func readDigest(in Input) (digest.File, error) {
	r, err := openPlain(in)
	if err != nil {
		return digest.File{}, err
	}
	defer func() { _ = r.Close() }() // only read from
	content, err := io.ReadAll(io.LimitReader(r, maxDigest+1))
	switch {
	case err != nil:
		return digest.File{}, fmt.Errorf("read digest: %w", err)
	case len(content) > maxDigest:
		return digest.File{}, fmt.Errorf("read digest: over %d bytes", maxDigest)
	}
	return digest.NewFile(in.Name, content)
}

// openPlain opens an input without its gzip, if it has any: hashes are of that.
func openPlain(in Input) (io.ReadCloser, error) {
	f, err := in.open()
	if err != nil {
		return nil, err
	}
	var head [2]byte
	n, err := io.ReadFull(f, head[:])
	if err != nil && n == 0 && !errors.Is(err, io.EOF) {
		return nil, closing(f, err)
	}
	whole := io.MultiReader(bytes.NewReader(head[:n]), f)
	if n < 2 || head != [2]byte{0x1f, 0x8b} {
		return plainFile{whole, f}, nil
	}
	unzip, err := gzip.NewReader(whole)
	if err != nil {
		return nil, closing(f, err)
	}
	return plainFile{unzip, f}, nil
}

func closing(f io.Closer, err error) error {
	_ = f.Close() // only read from
	return fmt.Errorf("open: %w", err)
}

type plainFile struct {
	io.Reader
	io.Closer
}
