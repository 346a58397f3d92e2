package sigma_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/rule/sigma"
)

// FuzzImport holds that whatever stands in a file, each of its rules comes out as a rule that loads under an id of its own,
// with its title, or as a refusal that stands in the file; and that a second import says the same. It fails when in
// import.go the line of write that keeps ids taken is deleted, or in write.go literalText lets braces through.
func FuzzImport(f *testing.F) {
	files, err := filepath.Glob("testdata/golden/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		documents, _, _ := strings.Cut(string(text), "\n=== logs\n")
		f.Add(documents)
		for d := range strings.SplitSeq(documents, "\n---\n") {
			f.Add(d)
		}
	}
	f.Add("title: From {src_ip}\nlogsource: { category: webserver }\ndetection: { s: { sc-status: 500 }, condition: s }\n")
	f.Fuzz(func(t *testing.T, text string) {
		read := func() *sigma.Result {
			return sigma.Import([]sigma.File{{Name: "rule.yml", Text: []byte(text)}}, sigma.Options{Lists: goldenLists})
		}
		r := read()
		if d := cmp.Diff(r, read()); d != "" {
			t.Errorf("a second import differs: %s", d)
		}
		set, err := r.Set()
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if len(set.Rules()) != len(r.Rules) {
			t.Errorf("%d rules load of %d", len(set.Rules()), len(r.Rules))
		}
		for _, x := range r.Rules {
			loaded := set.Rule(x.ID)
			if want := strings.NewReplacer("{", "(", "}", ")").Replace(x.Title); loaded.Title.Source != want {
				t.Errorf("title: got %q, want %q", loaded.Title.Source, want)
			}
			if loaded.Source == nil || loaded.Source.Licence == "" {
				t.Errorf("%s has no licence", x.ID)
			}
		}
		lines := strings.Count(text, "\n") + strings.Count(text, "\r") + 1 // to YAML, either ends a line
		for _, x := range r.Refusals {
			if x.Line < 1 || x.Line > lines || x.Column < 1 || x.Message == "" {
				t.Errorf("%d lines, refused at %d:%d: %s", lines, x.Line, x.Column, x.Message)
			}
		}
		for _, class := range event.LogClasses() {
			e := &event.Event{}
			e.Reset(class, nil)
			set.Hits(e, nil)
		}
	})
}
