package rule

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/event"
)

// What exceptions leave is what the rules found before, without the events that a rule's exception holds for and that are
// of a time before it expires; and nothing else: no other rule, no other step. Deleting the comparison of times in
// (*Exception).holds, or that of rule ids in covers, makes this fail.
func TestExceptionsOnlyTakeAway(t *testing.T) {
	t.Parallel()
	taken := 0
	rapid.Check(t, func(t *rapid.T) {
		var rules []*Rule
		for i := range rapid.IntRange(1, 5).Draw(t, "rules") {
			r := &Rule{ID: fmt.Sprintf("r%02d", i), Class: event.API, Outcome: "any", Mode: Live, cond: mustCompile(t, genCondition(t, 1, ""))}
			if rapid.IntRange(0, 3).Draw(t, "sequence") == 0 {
				r = sequenceOf(t, r)
			}
			rules = append(rules, r)
		}
		var exceptions []*Exception
		for i := range rapid.IntRange(1, 4).Draw(t, "exceptions") {
			exceptions = append(exceptions, &Exception{
				ID: fmt.Sprint("x", i), Rule: rapid.SampledFrom(rules).Draw(t, "rule").ID, cond: mustCompile(t, genCondition(t, 1, "")),
				Expires: time.Unix(int64(rapid.IntRange(1, 3).Draw(t, "expires")), 0),
			})
		}
		bare, set := NewSet(rules), newSet(rules, exceptions)
		for range 8 {
			e := genEvent(t)
			at := int64(rapid.IntRange(0, 3).Draw(t, "time")) * int64(time.Second)
			e.SetUnixNano(event.EventTime, at)
			var want, got, counted []string
			for _, h := range bare.Hits(e, nil) {
				gone := false
				for _, x := range exceptions {
					gone = gone || x.Rule == h.Rule.ID && at < x.Expires.UnixNano() && x.cond.holds(scope{event: e})
				}
				if !gone {
					want = append(want, hitName(h))
				}
			}
			for _, h := range set.Hits(e, nil) {
				if h.Exception == nil {
					got = append(got, hitName(h))
				} else {
					counted = append(counted, h.Exception.ID)
				}
			}
			taken += len(counted)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%s: left by the exceptions (-want +got):\n%s", e.AppendJSON(nil), diff)
			}
			if all := len(bare.Hits(e, nil)); len(got)+len(counted) != all {
				t.Fatalf("%d hits left and %d taken away of %d", len(got), len(counted), all)
			}
		}
	})
	if taken == 0 {
		t.Error("no exception took anything away")
	}
}

// An exception of a sequence is about one step or about all that are not unless; what a step forbids stays forbidden.
func TestExceptionsOfSteps(t *testing.T) {
	t.Parallel()
	always := mustCompile(t, `event_name != "no such call"`)
	r := &Rule{ID: "r", Mode: Live, Sequence: &Sequence{Steps: []*Step{
		{Name: "a", Class: event.API, Outcome: "any", cond: always},
		{Name: "b", Class: event.API, Outcome: "any", cond: always, no: 1},
		{Name: "c", Class: event.API, Outcome: "any", cond: always, no: 2, Unless: true},
	}}}
	for step, want := range map[string]string{"": "c", "b": "a c"} {
		set := newSet([]*Rule{r}, []*Exception{{ID: "x", Rule: "r", Step: step, cond: always, Expires: time.Now()}})
		var left []string
		for _, h := range set.Hits(sampleEvent(), nil) {
			if h.Exception == nil {
				left = append(left, h.Step.Name)
			}
		}
		if got := strings.Join(left, " "); got != want {
			t.Errorf("exception of step %q leaves steps %s, want %s", step, got, want)
		}
	}
}

const exceptionText = `id: glass
rule: aws-root-console-login
when: |
  inList(account_id, "mine") and src_ip == "192.0.2.1"
reason: The emergency account is tried every quarter.
owner: eva@example.com
expires: 2027-01-31
`

// write puts files into a new folder.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A user excepts a built-in rule by a folder that holds nothing but exceptions, and puts a list in the place of a built-in one.
func TestExceptionsFromBuiltinRules(t *testing.T) {
	t.Parallel()
	root := string(must(os.ReadFile("testdata/good/aws-root-console-login.yml")))
	list := "id: mine\ntitle: Ours\nvalues: [\"%s\"]\n"
	builtin := fstest.MapFS{
		"aws/aws-root-console-login.yml": {Data: []byte(root)},
		"lists/mine.yml":                 {Data: fmt.Appendf(nil, list, "1")},
	}
	dir := write(t, map[string]string{"own/exceptions/glass.yml": exceptionText, "lists-too/exceptions/glass.yml": exceptionText, "lists-too/lists/mine.yml": fmt.Sprintf(list, "2")})
	load := func(paths ...string) *Set {
		t.Helper()
		s, err := LoadWith(builtin, paths...)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	plain, own, lists := load(Builtin), load(Builtin, filepath.Join(dir, "own")), load(Builtin, filepath.Join(dir, "lists-too"))
	if len(plain.Exceptions()) != 0 || len(own.Exceptions()) != 1 || len(own.Rules()) != 1 {
		t.Fatalf("got %d exceptions without and %d with the folder, and %d rules", len(plain.Exceptions()), len(own.Exceptions()), len(own.Rules()))
	}
	want := Exception{
		ID: "glass", Rule: "aws-root-console-login", When: "inList(account_id, \"mine\") and src_ip == \"192.0.2.1\"",
		Reason: "The emergency account is tried every quarter.", Owner: "eva@example.com", Expires: time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC),
	}
	got := *own.Exceptions()[0]
	if got.When != want.When || got.Reason != want.Reason || got.Owner != want.Owner || !got.Expires.Equal(want.Expires) || got.Rule != want.Rule {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if hashes := map[string]bool{plain.Hash(): true, own.Hash(): true, lists.Hash(): true}; len(hashes) != 3 {
		t.Errorf("hashes of the set without, with exception, and with another list: %v", hashes)
	}
	if a, b := plain.Rules()[0].Hash, own.Rules()[0].Hash; a != b {
		t.Errorf("the rule's own hash is %s, and %s with an exception", a, b)
	}
	if alone := load(Builtin, filepath.Join(dir, "own", "exceptions")); alone.Hash() != own.Hash() {
		t.Error("the folder exceptions by itself gives another set")
	}
	_, err := LoadWith(builtin, Builtin, filepath.Join(dir, "own"), filepath.Join(dir, "lists-too"))
	if err == nil || !strings.Contains(err.Error(), "lists-too/exceptions/glass.yml:1:5: id glass is taken by "+filepath.Join(dir, "own/exceptions/glass.yml")) {
		t.Errorf("two exceptions of one id: got %v", err)
	}
	_, err = LoadWith(builtin, filepath.Join(dir, "own"))
	wantErr := `own/exceptions/glass.yml:2:7: no rule has the id "aws-root-console-login"; if it is a built-in one, load these too: paths: [builtin, …]`
	if err == nil || !strings.Contains(err.Error(), wantErr) {
		t.Errorf("without the built-in rules: got %v, want %s", err, wantErr)
	}
	if sub := own.Filter(func(*Rule) bool { return false }); len(sub.Exceptions()) != 0 {
		t.Error("a set without the rule has its exception")
	}
}

// Whoever looks at one file of a pack gets its exceptions and is not told of those from other rules; links to folders are
// followed, for Kubernetes mounts them so.
func TestExceptionsBesideAFile(t *testing.T) {
	t.Parallel()
	root := string(must(os.ReadFile("testdata/good/aws-root-console-login.yml")))
	text := strings.Replace(exceptionText, `inList(account_id, "mine") and `, "", 1)
	dir := write(t, map[string]string{
		"pack/sub/aws-root-console-login.yml": root, "pack/exceptions/glass.yml": text,
		"pack/exceptions/other.yml":          strings.NewReplacer("glass", "other", "aws-root-console-login", "aws-other").Replace(text),
		"linked/..data/exceptions/glass.yml": text,
		"linked/aws-root-console-login.yml":  root,
	})
	for name, to := range map[string]string{"linked/exceptions": "..data/exceptions", "linked/round": "."} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []string{"pack/sub/aws-root-console-login.yml", "pack/sub", "linked"} {
		if p == "linked" {
			_ = os.Remove(filepath.Join(dir, "linked/round")) // it gives the rule twice, which is a problem as it should
		}
		s, err := Load(filepath.Join(dir, p))
		if err != nil || len(s.Exceptions()) != 1 {
			t.Errorf("%s: got %v and error %v, want one exception", p, s, err)
		}
	}
	var problems Problems
	if _, err := Load(filepath.Join(dir, "pack")); !errors.As(err, &problems) || len(problems) != 1 {
		t.Errorf("the whole pack: got %v, want the rule that is not there", err)
	}
}

// An exception is warned of from a fortnight before its day on.
func TestDaysLeft(t *testing.T) {
	t.Parallel()
	x := &Exception{Expires: time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)}
	for left, want := range map[time.Duration]int{14 * 24 * time.Hour: 14, 36 * time.Hour: 2, time.Minute: 1, 0: 0, -time.Hour: 0, -48 * time.Hour: -2} {
		if got := x.DaysLeft(x.Expires.Add(-left)); got != want {
			t.Errorf("%s before: got %d days, want %d", left, got, want)
		}
	}
}

// Whatever is in an exception file: a set, or problems with a place inside the file; no panic. Deleting the bounds of the
// year in readDay makes it fail: nanoseconds since 1970 do not reach to year 1.
func FuzzException(f *testing.F) {
	names, _ := filepath.Glob("testdata/bad/exceptions/*.yml")
	for _, name := range names {
		f.Add(must(os.ReadFile(name)))
	}
	plain := strings.Replace(exceptionText, `inList(account_id, "mine") and `, "", 1)
	for _, day := range []string{"2027-01-31", "0001-01-01", "2262-12-31"} {
		f.Add([]byte(strings.Replace(plain, "2027-01-31", day, 1)))
	}
	root := must(os.ReadFile("testdata/good/aws-root-console-login.yml"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := LoadFS(fstest.MapFS{"aws-root-console-login.yml": {Data: root}, "exceptions/glass.yml": {Data: text}}, ".")
		if err == nil {
			x := s.Exceptions()[0]
			if s.Match(sampleEvent(), nil); x.ID != "glass" || x.Reason == "" || x.Owner == "" || x.Expires.UnixNano() <= 0 {
				t.Errorf("took %+v", x)
			}
			return
		}
		lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		var problems Problems
		if !errors.As(err, &problems) || len(problems) == 0 || s != nil {
			t.Fatalf("got a set and error %v", err)
		}
		for _, p := range problems {
			if p.File != "exceptions/glass.yml" || p.Line < 1 || p.Line > len(lines) || p.Message == "" {
				t.Errorf("problem outside the file: %v", p)
			}
		}
	})
}
