package sigma_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shrike-sec/shrike/pkg/rule/sigma"
)

const plainRule = "title: Made\nlogsource: { product: aws, service: cloudtrail }\ndetection:\n  s: { eventName: a }\n  condition: s\n"

// Read takes every file of a folder once, whatever the others are like. It fails when a case of its walk is deleted, the
// line that asks for regular files (it then waits), or the one of parse for what editors leave.
func TestReadTakesEachFileOfAFolderOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	put("a.yml", plainRule)
	windows := put("sub/b.yaml", "\ufeff"+strings.ReplaceAll(plainRule, "\n", "\r\n"))
	put("huge.yml", strings.Repeat("# more\n", 1<<18))
	put("notes.txt", "no rule")
	put(".git/c.yml", plainRule)
	if err := os.Symlink(windows, filepath.Join(dir, "link.yml")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.yml"), 0o600); err != nil {
		t.Fatal(err)
	}
	files, err := sigma.Read(dir, filepath.Join(dir, "sub"), windows)
	if err != nil {
		t.Fatal(err)
	}
	r := sigma.Import(files, sigma.Options{})
	var got []string
	for _, x := range r.Rules {
		got = append(got, filepath.Base(x.File)+" "+x.ID)
	}
	for _, x := range r.Refusals {
		got = append(got, filepath.Base(x.File)+" "+x.Message)
	}
	want := []string{"a.yml made", "link.yml made-2", "huge.yml the file is larger than 1048576 bytes", "pipe.yml it is no file"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	folder := filepath.Join(t.TempDir(), "folder")
	if err := os.Symlink(filepath.Join(dir, "sub"), folder); err != nil {
		t.Fatal(err)
	}
	if files, err := sigma.Read(folder); err != nil || len(files) != 1 || files[0].Name != filepath.Join(folder, "b.yaml") {
		t.Errorf("a link to a folder: %v, %v", files, err)
	}
	if _, err := sigma.Read(dir, filepath.Join(dir, "none")); err == nil || !strings.Contains(err.Error(), "none: no such file") {
		t.Errorf("a path that is not there: %v", err)
	}
	if _, err := sigma.Read(filepath.Join(dir, "huge.yml")); err == nil || !strings.Contains(err.Error(), "huge.yml: the file is larger") {
		t.Errorf("a file too large, by name: %v", err)
	}
}

// A correlation means the rule of its own file where another file has one of that name. It fails when find takes the first.
func TestACorrelationMeansTheRuleOfItsOwnFile(t *testing.T) {
	t.Parallel()
	named := strings.Replace(plainRule, "title: Made", "title: Made\nname: made", 1)
	counted := strings.Replace(named, "eventName: a", "eventName: b", 1) +
		"---\ntitle: Counted\ncorrelation: { type: event_count, rules: [made], timespan: 1h, condition: { gte: 2 } }\n"
	r := sigma.Import([]sigma.File{{Name: "1.yml", Text: []byte(named)}, {Name: "2.yml", Text: []byte(counted)}}, sigma.Options{})
	if len(r.Rules) != 2 || r.Parts != 1 || !strings.Contains(string(r.Rules[1].Text), `"b"`) {
		t.Errorf("got %d rules, %d parts: %v", len(r.Rules), r.Parts, r.Rules)
	}
}
