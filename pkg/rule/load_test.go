package rule

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/shrike-sec/shrike/pkg/event"
)

// Every file below testdata/bad says in "# wantErr:" comments what is wrong with it, and where. All of them are loaded
// at once, so that no mistake hides another.
func TestMistakes(t *testing.T) {
	t.Parallel()
	_, err := Load("testdata/bad")
	var problems Problems
	if !errors.As(err, &problems) {
		t.Fatalf("loading gave %v, want Problems", err)
	}
	got := map[string][]string{}
	for _, p := range problems {
		got[p.File] = append(got[p.File], fmt.Sprintf("%d:%d: %s", p.Line, p.Column, p.Summary()))
	}
	want, files := map[string][]string{}, 0
	_ = filepath.WalkDir("testdata/bad", func(name string, d fs.DirEntry, _ error) error {
		if d.IsDir() {
			return nil
		}
		if w := wanted(t, name, "# wantErr: "); len(w) > 0 {
			want[name] = w
			files++
		}
		return nil
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if files < 120 {
		t.Errorf("only %d files of mistakes", files)
	}
}

func wanted(t *testing.T, name, mark string) []string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if w, ok := strings.CutPrefix(lines.Text(), mark); ok {
			want = append(want, w)
		}
	}
	return want
}

func TestProblemShowsTheLine(t *testing.T) {
	t.Parallel()
	text := must(os.ReadFile("testdata/bad/when-second-line.yml"))
	_, err := LoadFS(fstest.MapFS{"when-second-line.yml": {Data: text}}, "when-second-line.yml")
	want := `when-second-line.yml:8:7: unknown field "errr_code" (did you mean "error_code"?)
    8 |   and errr_code == ""
      |       ^`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func loadGood(t testing.TB) *Set {
	t.Helper()
	s, err := Load("testdata/good")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLoadReadsAll(t *testing.T) {
	t.Parallel()
	r := loadGood(t).Rule("aws-console-login-brute-force")
	at := Test{
		Name: "twelve failures in two minutes", Line: 18,
		Logs:   []TestLog{{Raw: r.Tests[0].Logs[0].Raw, Repeat: 12, Every: 10 * time.Second}},
		Alerts: []TestAlert{{Severity: "medium", Count: 12, Group: map[string]string{"account_id": "111122223333", "src_ip": "198.51.100.7"}}},
	}
	if diff := cmp.Diff(at, r.Tests[0]); diff != "" {
		t.Errorf("test (-want +got):\n%s", diff)
	}
	if want := (Threshold{Count: 10, Within: 10 * time.Minute}); *r.Threshold != want || r.Dedup != time.Hour || r.Period() != time.Hour {
		t.Errorf("got threshold %v, dedup %v, want %v and 1h", *r.Threshold, r.Dedup, want)
	}
	if got := r.Severity.Words(); !slices.Equal(got, []string{"medium"}) || r.Class != event.API || r.Outcome != "failure" || r.Mode != Live || !r.Native() {
		t.Errorf("got %v, class %v, outcome %v, mode %v, native %v", r.Severity, r.Class, r.Outcome, r.Mode, r.Native())
	}
	if got, want := fmt.Sprint(keyNames(r.Capture)), "[account_id src_ip actor_name user_agent error_message]"; got != want {
		t.Errorf("captures %s, want %s", got, want)
	}
	root := loadGood(t).Rule("aws-root-console-login")
	if s := root.Severity; s.Success != "high" || s.Failure != "medium" || s.Unknown != "high" || s.Highest() != "high" {
		t.Errorf("severities are %v", root.Severity)
	}
	if len(root.Pivots) != 1 || !strings.HasPrefix(root.Pivots[0].SQL, "SELECT event_time") {
		t.Errorf("pivots are %v", root.Pivots)
	}
}

// Texts, severity and dedup may change without making another rule of it; condition, kind, window and group may not.
func TestHashAndVersion(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/good/aws-console-login-brute-force.yml")
	if err != nil {
		t.Fatal(err)
	}
	load := func(old, by string) *Rule {
		changed := strings.Replace(string(text), old, by, 1)
		if old != "" && changed == string(text) {
			t.Fatalf("%q does not occur", old)
		}
		s, err := LoadFS(fstest.MapFS{"aws-console-login-brute-force.yml": {Data: []byte(changed)}}, ".")
		if err != nil {
			t.Fatal(err)
		}
		return s.Rules()[0]
	}
	base := load("", "")
	for _, c := range []struct {
		old, by string
		same    bool
	}{
		{"severity: medium", "severity: high", true},
		{"dedup: 1h", "dedup: 2h", true},
		{"runbook: Was", "runbook: Has", true},
		{"maturity: stable", "maturity: test", true},
		{"severity: medium", "severity:\n  - is: low\n    when: |\n      has(src_ip)\n  - is: medium", true},
		{`event_name == "ConsoleLogin"`, "(event_name   == 'ConsoleLogin') // who\n  /* and why */", true},
		{`event_name == "ConsoleLogin"`, `"ConsoleLogin" == event_name`, false},
		{"ConsoleLogin", "AssumeRole", false},
		{"count: 10", "count: 11", false},
		{"within: 10m", "within: 11m", false},
		{"[account_id, src_ip]", "[src_ip, account_id]", false},
		{"outcome: failure", "outcome: any", false},
		{"threshold: { count: 10", "distinct: { of: actor, count: 10", false},
	} {
		r := load(c.old, c.by)
		if (r.Hash == base.Hash) != c.same || r.Version == base.Version {
			t.Errorf("%s for %s: hash %s (was %s), version %s (was %s)", c.by, c.old, r.Hash, base.Hash, r.Version, base.Version)
		}
	}
	if len(base.Hash) != 16 || len(base.Version) != 12 {
		t.Errorf("hash %q, version %q", base.Hash, base.Version)
	}
}

func TestListsAreFoundFromAFileAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rule := strings.ReplaceAll(string(must(os.ReadFile("testdata/good/aws-root-console-login.yml"))), `actor_type == "Root"`, `inList(src_ip, "offices")`)
	list := "id: offices\ntitle: Where we sit\nvalues: [192.0.2.0/24]\n"
	for name, text := range map[string]string{"pack/sub/aws-root-console-login.yml": rule, "pack/lists/offices.yml": list} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var hashes []string
	for _, paths := range [][]string{{"pack"}, {"pack/sub"}, {"pack/sub/aws-root-console-login.yml"}, {"pack", "pack/sub/aws-root-console-login.yml"}} {
		for i := range paths {
			paths[i] = filepath.Join(dir, paths[i])
		}
		s, err := Load(paths...)
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, s.Hash())
		fromFS, err := LoadFS(os.DirFS(dir), strings.TrimPrefix(paths[0], dir+"/"))
		if err != nil || fromFS.Hash() != s.Hash() {
			t.Errorf("LoadFS of %s: %v", paths[0], err)
		}
	}
	if strings.Count(strings.Join(hashes, " "), hashes[0]) != len(hashes) {
		t.Errorf("the same rule and list gave hashes %v", hashes)
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// A rule saved on another system is the same rule, and its mistakes are found at the same place.
func TestEditorsHabitsChangeNothing(t *testing.T) {
	t.Parallel()
	text := string(must(os.ReadFile("testdata/good/aws-root-console-login.yml")))
	foreign := "\ufeff" + strings.ReplaceAll(text, "\n", "\r\n")
	load := func(text string) (*Set, error) {
		return LoadFS(fstest.MapFS{"aws-root-console-login.yml": {Data: []byte(text)}}, ".")
	}
	s, err := load(foreign)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.Hash(), must1(load(text)).Hash(); got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
	_, err = load(strings.Replace(foreign, "and actor_type", "\r\n  and actr_type", 1))
	if err == nil || !strings.HasPrefix(err.Error(), "aws-root-console-login.yml:8:7: unknown field") {
		t.Errorf("got %v, want a problem at 8:7", err)
	}
}

func must1(s *Set, err error) *Set {
	if err != nil {
		panic(err)
	}
	return s
}

func TestAbsentAndMisnamedFiles(t *testing.T) {
	t.Parallel()
	_, err := LoadFS(fstest.MapFS{
		"a/x.yaml": {Data: []byte("id: x")}, "a/y.YML": {Data: []byte("id: y")}, "a/README.md": {Data: []byte("x")},
		"a/exceptions/x.yaml": {Data: []byte("id: x")}, "a/lists/.x.yml": {Data: []byte("id: x")},
		"a/.#x.yml": {Mode: fs.ModeSymlink | 0o777}, "a/pipe.yml": {Mode: fs.ModeNamedPipe | 0o600},
	}, "a", "b")
	want := "a/exceptions/x.yaml: the name of a list or exception ends in .yml\na/pipe.yml: cannot be read: it is no file\n" +
		"a/x.yaml: the name of a rule file ends in .yml\na/y.YML: the name of a rule file ends in .yml\nb: cannot be read: file does not exist"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A pipe in a folder of rules is not waited for, else a reload would hang for ever. (With t for t.FS in bounded it does.)
func TestPipeIsNoFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "x.yml"), 0o600); err != nil {
		t.Skip(err)
	}
	if _, err := Load(dir); err == nil || !strings.HasSuffix(err.Error(), "x.yml: cannot be read: it is no file") {
		t.Errorf("got %v", err)
	}
}

// checkMatched: a set matches the same with its index and without, and closures say what expr's machine says.
func checkMatched(t *testing.T, s *Set) {
	for _, r := range s.Rules() {
		for _, target := range r.targets() {
			e := sampleEvent()
			e.Class = target.class
			got := slices.ContainsFunc(s.Hits(e, nil), func(h Hit) bool { return h.Step == target.Step })
			if want := r.Mode != Off && target.matches(e); got != want {
				t.Errorf("%s: the index says %v, the condition %v", target.cond.tree, got, want)
			}
			want, err := target.cond.machine.eval(e)
			if got := target.cond.holds(scope{event: e}); got != want || err != nil {
				t.Errorf("%s: closures say %v, the machine %v, %v", target.cond.tree, got, want, err)
			}
		}
	}
}

// Whatever is in a rule file: a set that matches whichever way, or problems with a place inside the file; no panic. What loads
// is linted, with places inside the file too, and explained as it matches. (Without the line of report that moves at.line
// into the file it fails.)
func FuzzLoad(f *testing.F) {
	for _, dir := range []string{"testdata/good", "testdata/bad", "testdata/lint"} {
		names, _ := filepath.Glob(dir + "/*.yml")
		for _, name := range names {
			f.Add(must(os.ReadFile(name)))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		id := []byte("aws-root-console-login")
		if m := regexp.MustCompile(`(?m)^id: ([a-z0-9-]+)$`).FindSubmatch(text); m != nil {
			id = m[1]
		}
		s, err := LoadFS(fstest.MapFS{string(id) + ".yml": {Data: text}}, ".")
		if err == nil {
			checkMatched(t, s)
			checkExplained(t, s)
			for _, w := range s.Lint(LintOptions{}) {
				checkInside(t, text, w.Problem)
			}
			return
		}
		var problems Problems
		if !errors.As(err, &problems) || len(problems) == 0 || s != nil {
			t.Fatalf("got a set and error %v", err)
		}
		for _, p := range problems {
			checkInside(t, text, p)
		}
	})
}

func checkExplained(t *testing.T, s *Set) {
	t.Helper()
	for _, r := range s.Rules() {
		explained := slices.ContainsFunc(r.Explainer().Explain(sampleEvent()), func(v Verdict) bool { return v.Matches })
		if matches := len(s.Match(sampleEvent(), nil)) > 0; r.Mode != Off && matches != explained {
			t.Errorf("%s: explained as %t, matches %t", r.When, explained, matches)
		}
	}
}

func checkInside(t *testing.T, text []byte, p Problem) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if p.Line < 1 || p.Line > len(lines) || p.Column < 1 || p.Column > utf8.RuneCountInString(lines[p.Line-1])+1 || p.Message == "" {
		t.Errorf("problem outside the file: %v", p)
	}
}
