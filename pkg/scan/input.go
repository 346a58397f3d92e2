package scan

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Input is one file or stream to read.
type Input struct {
	Name string // as origin and in messages
	Size int64  // bytes as stored, 0 when unknown
	open func() (io.ReadCloser, error)
}

// Stdin is how a path names standard input.
const Stdin = "-"

// stdinName is what standard input is called as an origin.
const stdinName = "stdin"

// Inputs lists the files that the paths name: files, folders with all that is below them in lexical order, and "-" for
// stdin. Nothing is opened yet. The error joins the paths that cannot be read; the inputs beside them are good.
func Inputs(paths []string, stdin io.Reader) ([]Input, error) {
	var inputs []Input
	var bad []error
	for _, p := range paths {
		if p == Stdin {
			inputs = append(inputs, Input{Name: stdinName, open: func() (io.ReadCloser, error) { return io.NopCloser(stdin), nil }})
			continue
		}
		info, err := os.Stat(p)
		switch {
		case err != nil:
			bad = append(bad, fmt.Errorf("read input: %w", err))
		case !info.IsDir():
			inputs = append(inputs, file(p, info)) // also pipes, such as the shell's <(…)
		default:
			found, err := below(p)
			inputs = append(inputs, found...)
			if err != nil {
				bad = append(bad, err)
			}
		}
	}
	return inputs, errors.Join(bad...)
}

func file(path string, info fs.FileInfo) Input {
	return Input{Name: path, Size: info.Size(), open: func() (io.ReadCloser, error) { return os.Open(path) }}
}

// below lists a folder's files, hidden ones too: evidence may be anywhere. Links to files are followed, links to
// folders are not, for they may form circles.
func below(dir string) ([]Input, error) {
	var inputs []Input
	var bad []error
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			bad = append(bad, fmt.Errorf("read input: %w", err))
			return nil
		}
		if d.IsDir() {
			return nil
		}
		info, err := os.Stat(path)
		switch {
		case err != nil:
			bad = append(bad, fmt.Errorf("read input: %w", err))
		case info.Mode().IsRegular():
			inputs = append(inputs, file(path, info))
		}
		return nil
	})
	return inputs, errors.Join(bad...)
}
