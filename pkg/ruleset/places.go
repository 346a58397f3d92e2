package ruleset

import (
	"os"
	"path/filepath"
	"strings"
)

// places are the folders to watch, by their true paths, and the names that matter in each; nil: all of them. Folders are
// watched rather than files, for editors and volume mounts put another file in the place of the old one.
type places map[string]map[string]bool

// Bounds against links that lead in circles.
const (
	maxLinks = 40
	maxDepth = 20
)

// placesOf finds what can change the rules at paths: everything in the folders and behind the links in them, the links on
// the way to them, and the folders lists and exceptions around them, where rule.Load looks too.
func placesOf(paths []string) places {
	ps := places{}
	for _, p := range paths {
		abs, err := filepath.Abs(p)
		if err != nil {
			continue // there is no working folder any more
		}
		ps.follow(abs, maxDepth)
		dir := filepath.Dir(abs)
		for range 4 { // as far as rule.Load looks
			for _, kind := range []string{"lists", "exceptions"} {
				ps.follow(filepath.Join(dir, kind), 1)
			}
			dir = filepath.Dir(dir)
		}
	}
	return ps
}

// follow watches for what becomes of the path, and if it is a folder for all that is in it.
func (ps places) follow(p string, depth int) {
	real := ps.resolve(p)
	info, err := os.Stat(real)
	if real == "" || err != nil || !info.IsDir() || depth == 0 {
		return
	}
	ps[real] = nil
	entries, err := os.ReadDir(real)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") || e.Type()&os.ModeSymlink != 0 {
			ps.follow(filepath.Join(real, e.Name()), depth-1)
		}
	}
}

// resolve returns the path without links, "" when it leads nowhere, and watches the links on the way, the last name, and the
// place of the first name that is not there.
func (ps places) resolve(p string) string {
	at, rest := "/", strings.Split(p, "/")
	for links := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		if name == "" || name == "." {
			continue
		}
		next := filepath.Join(at, name)
		info, err := os.Lstat(next)
		if err != nil || len(rest) == 0 || info.Mode()&os.ModeSymlink != 0 {
			ps.name(at, name)
		}
		if err != nil {
			return ""
		}
		if info.Mode()&os.ModeSymlink == 0 {
			at = next
			continue
		}
		target, err := os.Readlink(next)
		if links++; err != nil || links > maxLinks {
			return ""
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return at
}

func (ps places) name(dir, name string) {
	names, known := ps[dir]
	if known && names == nil {
		return
	}
	if names == nil {
		names = map[string]bool{}
		ps[dir] = names
	}
	names[name] = true
}

// concern reports whether what happened to the path may change the rules.
func (ps places) concern(p string) bool {
	names, known := ps[filepath.Dir(p)]
	return known && (names == nil || names[filepath.Base(p)])
}
