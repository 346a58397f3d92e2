package rule

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// maxFile bounds a rule file; a larger one is no rule.
const maxFile = 1 << 20

// apart are folders inside a pack that hold other things than rules.
var apart = []string{"lists", "hunts", "exceptions"}

// Load reads rule files and folders of them (recursively every *.yml; folders lists, hunts and exceptions hold no
// rules). Lists come from folders named lists inside the given folders, or beside and above the given files. The error
// is of type Problems and names everything that is wrong; then there is no set.
func Load(paths ...string) (*Set, error) { return collect(paths).finish() }

// Examine is Load for one who wants to hear everything at once: the set holds the rules of the files that nothing is wrong
// with, to be linted.
func Examine(paths ...string) (*Set, Problems) { return collect(paths).examine() }

func collect(paths []string) *loader {
	l := &loader{}
	for _, p := range paths {
		root, name := filepath.Dir(filepath.Clean(p)), filepath.Base(filepath.Clean(p))
		if info, err := os.Stat(p); err == nil && info.IsDir() {
			root, name = filepath.Clean(p), "."
		}
		l.collect(tree{FS: os.DirFS(root), prefix: root}, name)
		l.above(root, name)
	}
	return l
}

// LoadFS is Load inside a file system; paths are slash separated as package fs has them.
func LoadFS(fsys fs.FS, paths ...string) (*Set, error) { return collectFS(fsys, paths).finish() }

// ExamineFS is Examine inside a file system.
func ExamineFS(fsys fs.FS, paths ...string) (*Set, Problems) { return collectFS(fsys, paths).examine() }

func collectFS(fsys fs.FS, paths []string) *loader {
	l := &loader{}
	for _, p := range paths {
		p = path.Clean(p)
		l.collect(tree{FS: fsys}, p)
		for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
			l.collectLists(tree{FS: fsys}, path.Join(dir, "lists"))
		}
		l.collectLists(tree{FS: fsys}, "lists")
	}
	return l
}

// Text is a file in memory.
type Text struct {
	Name string
	Text []byte
}

// LoadTexts is Load of rule files in memory. They have no lists.
func LoadTexts(files ...Text) (*Set, error) {
	l := &loader{}
	for _, f := range files {
		l.rules = append(l.rules, input{f.Name, normal(f.Text)})
	}
	return l.finish()
}

// tree is a file system and what its names look like to the user.
type tree struct {
	fs.FS
	prefix string // "" for names as they are
}

func (t tree) show(name string) string {
	if t.prefix == "" {
		return name
	}
	return filepath.Join(t.prefix, filepath.FromSlash(name))
}

type input struct {
	name string // as shown
	text []byte
}

type loader struct {
	rules    []input
	lists    []input
	problems Problems
}

// collect reads every rule and list file below name.
func (l *loader) collect(t tree, name string) {
	err := fs.WalkDir(t, name, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			l.fail(t.show(p), err)
		case d.IsDir() && path.Base(p) == "lists":
			l.collectLists(t, p)
			return fs.SkipDir
		case d.IsDir() && p != name && (contains(apart, d.Name()) || strings.HasPrefix(d.Name(), ".")):
			return fs.SkipDir
		case d.IsDir():
		case path.Ext(p) == ".yml":
			l.read(t, p, &l.rules)
		case path.Ext(p) == ".yaml" || p == name:
			l.problems = append(l.problems, Problem{File: t.show(p), Message: "the name of a rule file ends in .yml"})
		}
		return nil
	})
	if err != nil {
		l.fail(t.show(name), err)
	}
}

// collectLists reads the list files of one folder; that there is no such folder is fine.
func (l *loader) collectLists(t tree, dir string) {
	entries, err := fs.ReadDir(t, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		l.fail(t.show(dir), err)
	}
	for _, e := range entries {
		if path.Ext(e.Name()) == ".yml" && !e.IsDir() {
			l.read(t, path.Join(dir, e.Name()), &l.lists)
		}
	}
}

// above looks for the lists of a pack when only a part of it is given: in the folders around it, up to the nearest
// that has one.
func (l *loader) above(root, name string) {
	dir, err := filepath.Abs(root)
	if err != nil {
		return
	}
	if name == "." {
		dir = filepath.Dir(dir)
	}
	for range 4 {
		if info, err := os.Stat(filepath.Join(dir, "lists")); err == nil && info.IsDir() {
			l.collectLists(tree{FS: os.DirFS(dir), prefix: dir}, "lists")
			return
		}
		dir = filepath.Dir(dir)
	}
}

func (l *loader) read(t tree, name string, into *[]input) {
	shown := t.show(name)
	if slices.ContainsFunc(*into, func(f input) bool { return samePath(f.name, shown) }) {
		return // a file may be given twice, by itself and with its folder
	}
	info, err := fs.Stat(t, name)
	if err == nil && info.Size() > maxFile {
		err = fmt.Errorf("the file is larger than %d bytes", maxFile)
	}
	var text []byte
	if err == nil {
		text, err = fs.ReadFile(t, name)
	}
	if err != nil {
		l.fail(shown, err)
		return
	}
	*into = append(*into, input{shown, normal(text)})
}

// normal is the text without byte order mark and carriage returns: an editor's habits make no other rule.
func normal(text []byte) []byte {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	return bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
}

func samePath(a, b string) bool {
	if a == b {
		return true
	}
	a, errA := filepath.Abs(a)
	b, errB := filepath.Abs(b)
	return errA == nil && errB == nil && a == b
}

func (l *loader) fail(name string, err error) {
	if bad, ok := errors.AsType[*fs.PathError](err); ok {
		err = bad.Err
	}
	l.problems = append(l.problems, Problem{File: name, Message: "read rules: " + err.Error()})
}

// finish makes the set, if nothing is wrong.
func (l *loader) finish() (*Set, error) {
	rules := l.parse()
	if len(l.problems) > 0 {
		return nil, l.problems
	}
	return NewSet(rules), nil
}

// examine makes the set of what nothing is wrong with.
func (l *loader) examine() (*Set, Problems) {
	rules := slices.DeleteFunc(l.parse(), func(r *Rule) bool {
		return slices.ContainsFunc(l.problems, func(p Problem) bool { return p.File == r.File })
	})
	return NewSet(rules), l.problems
}

// parse reads what was collected, lists first because conditions name them. It sorts the problems.
func (l *loader) parse() []*Rule {
	known := &lists{byID: map[string]*list{}}
	for _, f := range l.lists {
		known.read(newSource(f.name, f.text, &l.problems), f.text)
	}
	var rules []*Rule
	byID := map[string]*Rule{}
	for _, f := range l.rules {
		s := newSource(f.name, f.text, &l.problems)
		r := readRule(s, f.text, known)
		if r == nil || r.ID == "" {
			continue
		}
		if other := byID[r.ID]; other != nil {
			s.report(place{1, 1}, "", "id %s is taken by %s", r.ID, other.File)
			continue
		}
		byID[r.ID] = r
		rules = append(rules, r)
	}
	l.problems.sort()
	return rules
}
