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
	for _, path := range paths {
		root := path
		if info, err := os.Stat(root); err == nil && info.IsDir() {
			root += string(filepath.Separator) // through a symbolic link
		}
		err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
			switch ext := filepath.Ext(p); {
			case err != nil && p != root && d.IsDir():
				files = append(files, File{Name: p, Err: pathless(err)})
				return fs.SkipDir
			case err != nil:
				return err
			case p != root && strings.HasPrefix(d.Name(), "."):
				return pick(d.IsDir(), fs.SkipDir, nil)
			case d.IsDir() || p != root && ext != ".yml" && ext != ".yaml":
				return nil
			}
			whole := located(p)
			if seen[whole] {
				return nil
			}
			seen[whole] = true
			text, err := read(p, p == root)
			files = append(files, File{Name: p, Text: text, Err: pathless(err)})
			return pick(p == root, err, nil)
		})
		if err != nil {
			return nil, fmt.Errorf("read Sigma rules: %s: %w", path, pathless(err))
		}
	}
	return files, nil
}

// pathless is an error without the path, which messages have before it.
func pathless(err error) error {
	if bad, ok := errors.AsType[*fs.PathError](err); ok {
		return bad.Err
	}
	return err
}

// located is the path that a file has by no link and from no folder: the same for all its names.
func located(path string) string {
	if whole, err := filepath.Abs(path); err == nil {
		path = whole
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
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
