package sigma

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// File is the text of a file with Sigma documents.
type File struct {
	Name string // as messages show it
	Text []byte
	Err  error // why there is no text, nil when there is
}

// maxFile bounds a file with Sigma documents in bytes.
const maxFile = 1 << 20

// Read reads files, and every *.yml and *.yaml below folders, sorted by name. Names that begin with a dot are left out, and
// what is there already by another path. A file below a folder that cannot be read is returned with the error.
func Read(paths ...string) ([]File, error) {
	var files []File
	seen := map[string]bool{}
	for _, root := range paths {
		err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
			switch ext := filepath.Ext(p); {
			case err != nil && p != root && d != nil && d.IsDir():
				files = append(files, File{Name: p, Err: err})
				return fs.SkipDir
			case err != nil:
				return err
			case p != root && strings.HasPrefix(d.Name(), "."):
				return pick(d.IsDir(), fs.SkipDir, nil)
			case d.IsDir() || p != root && ext != ".yml" && ext != ".yaml":
				return nil
			}
			real, err := filepath.EvalSymlinks(p)
			if real, err = filepath.Abs(real); err == nil && seen[real] {
				return nil
			}
			seen[real] = true
			f := File{Name: p}
			f.Text, f.Err = read(p, p == root)
			if bad, ok := errors.AsType[*fs.PathError](f.Err); ok {
				f.Err = bad.Err
			}
			files = append(files, f)
			return pick(p == root, f.Err, nil)
		})
		if bad, ok := errors.AsType[*fs.PathError](err); ok {
			err = bad.Err
		}
		if err != nil {
			return nil, fmt.Errorf("read Sigma rules: %s: %w", root, err)
		}
	}
	return files, nil
}

// read reads a file; one that is named may be a pipe, one that is found may not: it would be waited for.
func read(path string, named bool) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !named && !info.Mode().IsRegular() {
		return nil, errors.New("it is no file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		return nil, fmt.Errorf("the file is larger than %d bytes", maxFile)
	}
	return text, err
}
