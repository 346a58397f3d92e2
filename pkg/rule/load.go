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

	"github.com/shrike-sec/shrike/pkg/rule/awsranges"
)

// maxFile bounds a rule file; a larger one is no rule.
const maxFile = 1 << 20

// apart are folders inside a pack that hold other things than rules.
var apart = append([]string{"hunts"}, beside...)

// beside are those that a pack may also have beside and above it.
var beside = []string{"lists", "exceptions"}

// Builtin is the path that stands for the rules that are built into the program.
const Builtin = "builtin"

// Load reads rule files and folders of them (recursively every *.yml; folders lists, hunts and exceptions hold no
// rules). Lists and exceptions come from folders of that name inside the given folders, or beside and above what is given.
// The error is of type Problems and names everything that is wrong; then there is no set.
func Load(paths ...string) (*Set, error) { return LoadWith(nil, paths...) }

// LoadWith is Load where the path Builtin stands for everything in builtin. Exceptions in the other paths may be of its
// rules, and their lists take the place of its lists of the same id.
func LoadWith(builtin fs.FS, paths ...string) (*Set, error) { return collect(builtin, paths).finish() }

// ExamineWith is LoadWith for one who wants to hear everything at once: the set holds the rules of the files that nothing is
// wrong with, to be linted.
func ExamineWith(builtin fs.FS, paths ...string) (*Set, Problems) {
	return collect(builtin, paths).examine()
}

func collect(builtin fs.FS, paths []string) *loader {
	l := &loader{ownOnly: builtin != nil && !contains(paths, Builtin)}
	if l.ownOnly {
		l.around = []tree{{FS: builtin, builtin: true}} // whose alerts own rules may read, when both run
	}
	for _, p := range paths {
		if p == Builtin && builtin != nil {
			l.collect(tree{FS: builtin, builtin: true}, ".")
			continue
		}
		root, name := filepath.Dir(filepath.Clean(p)), filepath.Base(filepath.Clean(p))
		if info, err := os.Stat(p); err == nil && info.IsDir() {
			root, name = filepath.Clean(p), "."
		}
		t := tree{FS: os.DirFS(root), prefix: root}
		if name == "." && contains(beside, filepath.Base(root)) { // such a folder by itself
			root, name = filepath.Dir(root), filepath.Base(root)
			t = tree{FS: os.DirFS(root), prefix: root}
		}
		l.collect(t, name)
		l.above(root, name)
	}
	return l
}

// LoadFS is Load inside a file system; paths are slash separated as package fs has them.
func LoadFS(fsys fs.FS, paths ...string) (*Set, error) { return collectFS(fsys, paths).finish() }

func collectFS(fsys fs.FS, paths []string) *loader {
	l := &loader{around: []tree{{FS: fsys}}}
	for _, p := range paths {
		p = path.Clean(p)
		l.collect(tree{FS: fsys}, p)
		for dir := p; dir != "."; {
			dir = path.Dir(dir)
			for _, kind := range beside {
				l.collectBeside(tree{FS: fsys}, path.Join(dir, kind), true)
			}
		}
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
		l.rules = append(l.rules, input{name: f.Name, text: normal(f.Text)})
	}
	return l.finish()
}

// tree is a file system and what its names look like to the user.
type tree struct {
	fs.FS
	prefix  string // "" for names as they are
	builtin bool
}

func (t tree) show(name string) string {
	if t.prefix == "" {
		return name
	}
	return filepath.Join(t.prefix, filepath.FromSlash(name))
}

type input struct {
	name    string // as shown
	text    []byte
	beside  func(name string) ([]byte, error) // reads a file of the same folder
	builtin bool
	stray   bool // found beside or above what was given
}

type loader struct {
	rules      []input
	lists      []input
	exceptions []input
	ownOnly    bool            // there are built-in rules, and they are not asked for
	links      int             // how many links to folders are being followed, one inside the other
	around     []tree          // packs of which only a part was given
	at         map[located]int // where in its list a file is that has been read
	problems   Problems
}

// located is where a file lies.
type located struct {
	builtin bool
	path    string // absolute, where there is such a thing
}

// maxLinks bounds them: a link may lead to where it is.
const maxLinks = 8

// collect reads every file below name.
func (l *loader) collect(t tree, name string) {
	err := fs.WalkDir(t, name, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			l.fail(t.show(p), err)
		case d.IsDir() && contains(beside, path.Base(p)):
			l.collectBeside(t, p, false)
			return fs.SkipDir
		case d.IsDir() && p != name && (contains(apart, d.Name()) || hidden(d.Name())):
			return fs.SkipDir
		case d.IsDir() || p != name && hidden(d.Name()):
		case p != name && linksToFolder(t, p, d): // as Kubernetes mounts folders
			if l.links < maxLinks && d.Name() != "hunts" {
				l.links++
				l.collect(t, p)
				l.links--
			}
		case path.Ext(p) == ".yml":
			l.read(t, p, &l.rules, false)
		case misnamed(p) || p == name:
			l.problems = append(l.problems, Problem{File: t.show(p), Message: "the name of a rule file ends in .yml"})
		}
		return nil
	})
	if err != nil {
		l.fail(t.show(name), err)
	}
}

// hidden reports whether a file or folder is none of the user's: editors and systems keep locks and copies so, and an
// editor's lock is a link to nothing.
func hidden(name string) bool { return strings.HasPrefix(name, ".") }

// misnamed reports whether a file is meant to be read, and would not be.
func misnamed(name string) bool {
	ext := strings.ToLower(path.Ext(name))
	return ext == ".yaml" || ext == ".yml" && path.Ext(name) != ".yml"
}

func linksToFolder(t tree, name string, d fs.DirEntry) bool {
	if d.Type()&fs.ModeSymlink == 0 {
		return false
	}
	info, err := fs.Stat(t, name)
	return err == nil && info.IsDir()
}

// collectBeside reads the files of one folder of lists or exceptions; that there is no such folder is fine.
func (l *loader) collectBeside(t tree, dir string, stray bool) {
	into := &l.lists
	if path.Base(dir) == "exceptions" {
		into = &l.exceptions
	}
	entries, err := fs.ReadDir(t, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		l.fail(t.show(dir), err)
	}
	for _, e := range entries {
		switch name := path.Join(dir, e.Name()); {
		case e.IsDir() || hidden(e.Name()):
		case path.Ext(name) == ".yml":
			l.read(t, name, into, stray)
		case misnamed(name):
			l.problems = append(l.problems, Problem{File: t.show(name), Message: "the name of a list or exception ends in .yml"})
		}
	}
}

// above looks for the lists and the exceptions of a pack when only a part of it is given: in the folders around it, up to
// the nearest that has some.
func (l *loader) above(root, name string) {
	start, err := filepath.Abs(root)
	if err != nil {
		return
	}
	if name == "." {
		start = filepath.Dir(start)
	}
	for _, kind := range beside {
		dir := start
		for range 4 {
			if info, err := os.Stat(filepath.Join(dir, kind)); err == nil && info.IsDir() {
				pack := tree{FS: os.DirFS(dir), prefix: dir}
				l.collectBeside(pack, kind, true)
				l.around = append(l.around, pack)
				break
			}
			dir = filepath.Dir(dir)
		}
	}
}

func (l *loader) read(t tree, name string, into *[]input, stray bool) {
	shown := t.show(name)
	whole, err := filepath.Abs(shown)
	if err != nil {
		whole = shown
	}
	if real, err := filepath.EvalSymlinks(whole); err == nil {
		whole = real // a link to a folder above itself shows every file again
	}
	key := located{t.builtin, whole}
	if i, again := l.at[key]; again {
		(*into)[i].stray = (*into)[i].stray && stray
		return // a file may be given twice, by itself and with its folder
	}
	text, err := t.bounded(name, maxFile)
	if err != nil {
		l.fail(shown, err)
		return
	}
	beside := func(other string) ([]byte, error) {
		return t.bounded(path.Join(path.Dir(name), other), awsranges.MaxFile)
	}
	if l.at == nil {
		l.at = map[located]int{}
	}
	l.at[key] = len(*into)
	*into = append(*into, input{name: shown, text: normal(text), beside: beside, builtin: t.builtin, stray: stray})
}

// bounded reads a file of at most so many bytes.
func (t tree) bounded(name string, most int64) ([]byte, error) {
	info, err := fs.Stat(t.FS, name) // of the tree it would open the file
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // a pipe would be waited for
		return nil, errors.New("it is no file")
	}
	if info.Size() > most {
		return nil, fmt.Errorf("the file is larger than %d bytes", most)
	}
	return fs.ReadFile(t, name)
}

// normal is the text without byte order mark and carriage returns: an editor's habits make no other rule.
func normal(text []byte) []byte {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	return bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
}

func (l *loader) fail(name string, err error) {
	if bad, ok := errors.AsType[*fs.PathError](err); ok {
		err = bad.Err
	}
	l.problems = append(l.problems, Problem{File: name, Message: "cannot be read: " + err.Error()})
}

// finish makes the set, if nothing is wrong.
func (l *loader) finish() (*Set, error) {
	rules, exceptions := l.parse()
	if len(l.problems) > 0 {
		return nil, l.problems
	}
	return newSet(rules, exceptions), nil
}

// examine makes the set of what nothing is wrong with.
func (l *loader) examine() (*Set, Problems) {
	rules, exceptions := l.parse()
	rules = slices.DeleteFunc(rules, func(r *Rule) bool {
		return slices.ContainsFunc(l.problems, func(p Problem) bool { return p.File == r.File })
	})
	return newSet(rules, exceptions), l.problems
}

// parse reads what was collected: lists first because conditions name them, exceptions last because they are of rules. It
// sorts the problems.
func (l *loader) parse() ([]*Rule, []*Exception) {
	known := l.parseLists()
	var rules []*Rule
	er := &exceptionReader{rules: map[string]*Rule{}, lists: known, byID: map[string]*Exception{}, ownOnly: l.ownOnly}
	for _, f := range l.rules {
		s := newSource(f.name, f.text, &l.problems)
		r := readRule(s, f.text, known)
		er.files = append(er.files, strings.TrimSuffix(filepath.Base(f.name), ".yml"))
		if r == nil || r.ID == "" {
			continue
		}
		if other := er.rules[r.ID]; other != nil {
			s.report(r.origin.keys["id"], "", "id %s is taken by %s", r.ID, other.File)
			continue
		}
		er.rules[r.ID] = r
		rules = append(rules, r)
	}
	var exceptions []*Exception
	for _, f := range l.exceptions {
		if x := er.read(newSource(f.name, f.text, &l.problems), f.text, f.stray); x != nil {
			exceptions = append(exceptions, x)
		}
	}
	l.checkReading(rules)
	l.problems.sort()
	return rules, exceptions
}

// parseLists reads the lists. A user's list takes the place of the built-in one.
func (l *loader) parseLists() *lists {
	known := &lists{byID: map[string]*list{}}
	own := map[string]bool{}
	for _, f := range l.lists {
		if !f.builtin {
			own[filepath.Base(f.name)] = true
		}
	}
	for _, f := range l.lists {
		if !f.builtin || !own[filepath.Base(f.name)] {
			s := newSource(f.name, f.text, &l.problems)
			s.beside = f.beside
			known.read(s, f.text)
		}
	}
	return known
}
