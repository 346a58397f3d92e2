package shrike_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// tabled returns the packages in the order of ARCHITECTURE.md's table.
func tabled(t *testing.T) []string {
	t.Helper()
	_, rest, ok1 := strings.Cut(pages(t)[1].text, "\n## Packages")
	table, _, ok2 := strings.Cut(rest, "\n## ")
	if !ok1 || !ok2 {
		t.Fatal("ARCHITECTURE.md has no section Packages, or nothing after it")
	}
	var named []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9]+)` \\|").FindAllStringSubmatch(table, -1) {
		named = append(named, m[1])
	}
	return named
}

// TestArchitectureNamesEveryPackage: the table has each folder below pkg exactly once, and none that is not there.
func TestArchitectureNamesEveryPackage(t *testing.T) {
	t.Parallel()
	named := tabled(t)
	entries, err := os.ReadDir("pkg")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		n := 0
		for _, name := range named {
			if name == e.Name() {
				n++
			}
		}
		if n != 1 && e.IsDir() {
			t.Errorf("ARCHITECTURE.md names package %s %d times, want once", e.Name(), n)
		}
	}
	for _, name := range named {
		if !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == name }) {
			t.Errorf("ARCHITECTURE.md names package %s, which is not there", name)
		}
	}
}

// TestImportsPointUp: the table's order is that of imports, as the page says.
func TestImportsPointUp(t *testing.T) {
	t.Parallel()
	named, checked := tabled(t), 0
	err := filepath.WalkDir("pkg", func(file string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		from := strings.Split(filepath.ToSlash(file), "/")[1]
		for _, spec := range tree.Imports {
			_, to, ours := strings.Cut(strings.Trim(spec.Path.Value, `"`), "/shrike/pkg/")
			to, _, _ = strings.Cut(to, "/")
			if !ours || to == from {
				continue
			}
			checked++
			if slices.Index(named, to) > slices.Index(named, from) {
				t.Errorf("%s imports %s, which stands below %s in the table", file, to, from)
			}
		}
		return nil
	})
	if err != nil || checked < 50 {
		t.Errorf("checked %d imports: %v", checked, err)
	}
}

// TestArchitectureSaysWhereToRead: five functions, which TestGoNamesExist finds.
func TestArchitectureSaysWhereToRead(t *testing.T) {
	t.Parallel()
	_, section, ok := strings.Cut(pages(t)[1].text, "\n## Read these five functions first\n")
	if !ok {
		t.Fatal("ARCHITECTURE.md does not say which functions to read first")
	}
	packages, err := declared()
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, m := range span.FindAllStringSubmatch(section, -1) {
		pkg, name, _ := strings.Cut(m[1], ".")
		if packages[pkg][name] {
			found++
		}
	}
	if found != 5 {
		t.Errorf("found %d of the functions to read first, want 5", found)
	}
}

// TestPagesSpeakOfTheProject: no folder of somebody's machine, no host to fetch packages from.
func TestPagesSpeakOfTheProject(t *testing.T) {
	t.Parallel()
	foreign := regexp.MustCompile(`(?m)(^|[^\w.~-])/(home|root|Users|tmp|mnt)\b|\bregistry\.|\bGOPROXY\b|localhost:\d`)
	for _, p := range pages(t) {
		if m := foreign.FindString(p.text); m != "" {
			t.Errorf("%s says %q", p.name, m)
		}
	}
}
