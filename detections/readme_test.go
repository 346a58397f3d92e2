package detections_test

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shrike-sec/shrike/detections"
	"github.com/shrike-sec/shrike/pkg/rule"
	"github.com/shrike-sec/shrike/pkg/rule/ruledoc"
)

var update = flag.Bool("update", false, "write the tables of README.md")

// The marks between which README.md is generated.
const (
	begin = "<!-- generated: go test ./detections -run README -update -->\n"
	end   = "<!-- end of what is generated -->\n"
)

// TestREADME keeps the tables of rules, lists and hunts true.
func TestREADME(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(text), begin)
	got, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("README.md lacks the lines %q and %q", begin, end)
	}
	want := tables(t)
	if *update {
		if err := os.WriteFile("README.md", []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("README.md is not what the rules say; run go test ./detections -run README -update (-want +got):\n%s", diff)
	}
}

// TestPackPages keeps the reference of each pack true: what `shrike rules docs` writes.
func TestPackPages(t *testing.T) {
	t.Parallel()
	const note = "<!-- generated: go test ./detections -run PackPages -update -->\n\n"
	pages := ruledoc.Pages(load(t))
	if len(pages) < 4 {
		t.Errorf("%d packs", len(pages))
	}
	for _, p := range pages {
		file := path.Join(p.Pack, "README.md")
		if *update {
			if err := os.WriteFile(file, []byte(note+p.Text), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(note+p.Text, string(text)); diff != "" {
			t.Errorf("%s is not what the rules say; run go test ./detections -run PackPages -update (-want +got):\n%s", file, diff)
		}
	}
}

func tables(t *testing.T) string {
	var b strings.Builder
	rules := load(t).Rules()
	fmt.Fprintf(&b, "\n## Rules\n\n%d rules.\n\n| rule | finds | kind | severity | class | ATT&CK | matrix |\n|---|---|---|---|---|---|---|\n", len(rules))
	for _, r := range rules {
		fmt.Fprintf(&b, "| [%s](%s) | %s | %s | %s | %s | %s | %s |\n",
			r.ID, r.File, strings.ReplaceAll(r.Title.Source, "|", `\|`), ruledoc.Kind(r), ruledoc.Severity(r), classes(r), strings.Join(r.Attack, " "), matrix(r))
	}
	b.WriteString("\n## Hunts\n\nQueries with a name, for `shrike hunt`.\n\n| hunt | finds |\n|---|---|\n")
	for _, f := range files(t, "hunts/*.sql") {
		first, _, _ := strings.Cut(read(t, f), "\n")
		fmt.Fprintf(&b, "| [%s](%s) | %s |\n", strings.TrimSuffix(path.Base(f), ".sql"), f, strings.TrimPrefix(first, "-- "))
	}
	b.WriteString("\n## Lists\n\n| list | holds |\n|---|---|\n")
	for _, f := range files(t, "lists/*.yml") {
		_, rest, _ := strings.Cut(read(t, f), "title: ")
		title, _, _ := strings.Cut(rest, "\n")
		fmt.Fprintf(&b, "| [%s](%s) | %s |\n", strings.TrimSuffix(path.Base(f), ".yml"), f, title)
	}
	b.WriteString("\n")
	return b.String()
}

func classes(r *rule.Rule) string {
	var names []string
	for _, c := range r.Classes() {
		names = append(names, c.String())
	}
	return strings.Join(names, " ")
}

// conditions are all that the rule's events are held against.
func conditions(r *rule.Rule) string {
	if r.Sequence == nil {
		return r.When
	}
	var all []string
	for _, s := range r.Sequence.Steps {
		all = append(all, s.When)
	}
	return strings.Join(all, "\n")
}

func matrix(r *rule.Rule) string {
	var ids []string
	for _, tag := range r.Tags {
		if len(tag) == 3 && tag[0] >= 'A' && tag[0] <= 'Z' {
			ids = append(ids, tag)
		}
	}
	return strings.Join(ids, " ")
}

func files(t *testing.T, pattern string) []string {
	names, err := fs.Glob(detections.FS, pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(names), err)
	}
	return names
}

func read(t *testing.T, name string) string {
	text, err := fs.ReadFile(detections.FS, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestNothingOfTestDataIsNamed: a condition that names an account or a documentation address finds examples, not attacks.
func TestNothingOfTestDataIsNamed(t *testing.T) {
	t.Parallel()
	for _, r := range load(t).Rules() {
		for _, mark := range []string{"198.51.100.", "203.0.113.", "192.0.2.", "111122223333", "123456789012", "stratus", "EXAMPLE"} {
			if strings.Contains(conditions(r), mark) {
				t.Errorf("%s keys on %q", r.ID, mark)
			}
		}
		if r.Mode != rule.Live {
			t.Errorf("%s is not live", r.ID)
		}
	}
}
