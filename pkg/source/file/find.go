package file

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// find returns the regular files that the paths name, sorted and without repetition. report is told of paths that
// cannot be looked at; a glob that matches nothing is no error, and a file that is gone when it is looked at is none.
func find(paths []string, report func(path string, err error)) []string {
	var files []string
	for _, p := range paths {
		info, err := os.Stat(p)
		switch {
		case err == nil:
			files = append(files, below(p, info, report)...)
		case strings.ContainsAny(p, "*?["):
			matches, err := filepath.Glob(p)
			if err != nil {
				report(p, err)
			}
			for _, m := range matches {
				if info, err := os.Stat(m); err == nil {
					files = append(files, below(m, info, report)...)
				}
			}
		default:
			report(p, err)
		}
	}
	slices.Sort(files)
	return slices.Compact(files)
}

// below returns path, if it is a regular file, or the files below it, if it is a folder.
func below(path string, info fs.FileInfo, report func(string, error)) []string {
	if info.Mode().IsRegular() {
		return []string{filepath.Clean(path)}
	}
	if !info.IsDir() {
		return nil // pipes and devices have no position to come back to
	}
	var files []string
	err := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		hidden := p != path && strings.HasPrefix(filepath.Base(p), ".")
		switch {
		case err != nil:
			if !errors.Is(err, fs.ErrNotExist) {
				report(p, err)
			}
			return nil
		case d.IsDir() && hidden:
			return filepath.SkipDir
		case d.IsDir() || hidden:
			return nil
		}
		if info, err := os.Stat(p); err == nil && info.Mode().IsRegular() { // through symbolic links
			files = append(files, p)
		}
		return nil
	})
	if err != nil {
		report(path, err)
	}
	return files
}
