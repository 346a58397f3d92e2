// Package shrike_test keeps README.md, ARCHITECTURE.md and CONTRIBUTING.md true: every link, path, make target, command,
// flag, configuration key and Go name in them exists, every YAML block loads, rules pass their tests, and what a quoted
// command prints is what it prints. What the pages say beyond that is on their authors.
package shrike_test

import (
	"bytes"
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/shrike-sec/shrike/pkg/builtin"
	"github.com/shrike-sec/shrike/pkg/cli"
	"github.com/shrike-sec/shrike/pkg/config"
	"github.com/shrike-sec/shrike/pkg/rule"
	"github.com/shrike-sec/shrike/pkg/ruletest"
)

// page is one document, taken apart.
type page struct {
	name, text string
	spans      []string // inline code
	blocks     []block  // fenced code
}

type block struct{ language, text string }

var (
	fence = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")
	span  = regexp.MustCompile("`([^`]+)`")
	link  = regexp.MustCompile(`\]\(([^)]+)\)`)
)

func pages(t *testing.T) []page {
	t.Helper()
	var all []page
	for _, name := range []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		p := page{name: name, text: string(data)}
		for _, m := range fence.FindAllStringSubmatch(p.text, -1) {
			p.blocks = append(p.blocks, block{m[1], m[2]})
		}
		for _, m := range span.FindAllStringSubmatch(fence.ReplaceAllString(p.text, ""), -1) {
			p.spans = append(p.spans, strings.Join(strings.Fields(m[1]), " "))
		}
		all = append(all, p)
	}
	return all
}

// code returns all inline code and the lines of shell blocks, comments and prompts cut off.
func (p *page) code() []string {
	code := slices.Clone(p.spans)
	for _, b := range p.blocks {
		for line := range strings.Lines(b.text) {
			line = strings.TrimSpace(line)
			command, isCommand := strings.CutPrefix(line, "$ ")
			if b.language == "sh" {
				command, _, _ = strings.Cut(line, " # ")
				isCommand = true
			}
			if isCommand {
				code = append(code, strings.TrimSpace(command))
			}
		}
	}
	return code
}

func TestREADMEIsShort(t *testing.T) {
	t.Parallel()
	words := len(strings.Fields(pages(t)[0].text))
	if words < 700 || words > 1000 {
		t.Errorf("README.md has %d words, code and all, want 700 to 1000", words)
	}
}

func TestLinksResolve(t *testing.T) {
	t.Parallel()
	for _, p := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(p.text, -1) {
			target, _, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			if _, err := os.Stat(filepath.FromSlash(target)); err != nil {
				t.Errorf("%s links to %s: %v", p.name, m[1], err)
			}
		}
	}
}

// TestPathsExist takes inline code for a path when it begins with a folder of the project, or ends as its files do.
func TestPathsExist(t *testing.T) {
	t.Parallel()
	isPath := regexp.MustCompile(`^(pkg|cmd|detections|migrations|deploy|scripts|\.ci)(/[\w.-]+)*$|^[\w./-]+\.(go|md)$`)
	checked := 0
	for _, p := range pages(t) {
		for _, s := range p.spans {
			if !isPath.MatchString(s) {
				continue
			}
			checked++
			if _, err := os.Stat(filepath.FromSlash(s)); err != nil {
				t.Errorf("%s names the path %s: %v", p.name, s, err)
			}
		}
	}
	if checked < 5 {
		t.Errorf("checked %d paths", checked)
	}
}

func TestTargetsExist(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, p := range pages(t) {
		for _, s := range p.code() {
			target, ok := strings.CutPrefix(s, "make ")
			if !ok {
				continue
			}
			checked++
			if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(target) + `:`).Match(makefile) {
				t.Errorf("%s names `make %s`, which the Makefile has not", p.name, target)
			}
		}
	}
	if checked < 5 {
		t.Errorf("checked %d targets", checked)
	}
}

// shrike runs a command in this process.
func shrike(args ...string) (status int, output string) {
	var out bytes.Buffer
	status = cli.Main(context.Background(), args, strings.NewReader(""), &out, &out)
	return status, out.String()
}

// TestCommandsExist asks each command for its help, which must be that command's and name each flag that is used.
func TestCommandsExist(t *testing.T) {
	t.Parallel()
	program := regexp.MustCompile(`^(bin/)?shrike( |$)`)
	word := regexp.MustCompile(`^[a-z]+$`)
	checked := 0
	for _, p := range pages(t) {
		for _, s := range p.code() {
			if !program.MatchString(s) {
				continue
			}
			var command, flags []string
			for i, arg := range strings.Fields(s)[1:] {
				switch {
				case strings.HasPrefix(arg, "-"):
					flags = append(flags, arg)
				case word.MatchString(arg) && i == len(command):
					command = append(command, arg)
				}
			}
			checked++
			status, help := shrike(append(slices.Clone(command), "--help")...)
			usage := regexp.MustCompile(`(?m)^  shrike((?: [a-z]+)*)`).FindStringSubmatch(help)
			isGroup := strings.Contains(help, "[command]") // what follows it must be one of its commands, not an argument
			if asked := strings.Join(append([]string{""}, command...), " "); status != 0 || usage == nil ||
				asked != usage[1] && (isGroup || !strings.HasPrefix(asked, usage[1]+" ")) {
				t.Errorf("%s names %q, which is no command:\n%s", p.name, s, help)
			}
			for _, flag := range flags {
				if !regexp.MustCompile(`(?m)(^|[ ,])` + regexp.QuoteMeta(flag) + `\b`).MatchString(help) {
					t.Errorf("%s names %q, but there is no flag %s", p.name, s, flag)
				}
			}
		}
	}
	if checked < 10 {
		t.Errorf("checked %d commands", checked)
	}
}

// TestOutputIsReal runs each quoted `shrike rules …`, which needs no service, and compares what it prints.
func TestOutputIsReal(t *testing.T) {
	t.Parallel()
	ran := 0
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			first, want, _ := strings.Cut(b.text, "\n")
			args, ok := strings.CutPrefix(first, "$ bin/shrike ")
			if !ok || !strings.HasPrefix(args, "rules ") {
				continue
			}
			ran++
			if status, got := shrike(strings.Fields(args)...); status != 0 || got != want {
				t.Errorf("%s quotes %q (status %d, -want +got):\n%s", p.name, args, status, cmp.Diff(want, got))
			}
		}
	}
	if ran == 0 {
		t.Error("README.md shows no output of shrike rules")
	}
}

// TestYAMLLoads loads each YAML block: a rule is that of detections, unchanged, and passes its tests; all else is a
// configuration.
func TestYAMLLoads(t *testing.T) {
	t.Parallel()
	var rules, configs int
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			if b.language != "yaml" {
				continue
			}
			if id, ok := strings.CutPrefix(b.text, "id: "); ok {
				id, _, _ = strings.Cut(id, "\n")
				checkRule(t, p.name, id, b.text)
				rules++
				continue
			}
			configs++
			if _, err := config.Parse(p.name, []byte(b.text), nil); err != nil {
				t.Error(err)
			}
			if lines := strings.Count(b.text, "\n"); lines > 25 {
				t.Errorf("%s has a configuration of %d lines, want 25 at most", p.name, lines)
			}
		}
	}
	if rules == 0 || configs == 0 {
		t.Errorf("found %d rules and %d configurations", rules, configs)
	}
}

func checkRule(t *testing.T, where, id, text string) {
	t.Helper()
	files, err := filepath.Glob("detections/*/" + id + ".yml")
	if err != nil || len(files) != 1 {
		t.Fatalf("%s quotes rule %s: files %v, %v", where, id, files, err)
	}
	shipped, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(shipped), "\n"), strings.Split(text, "\n")); diff != "" {
		t.Errorf("%s quotes rule %s, but it is (-shipped +quoted):\n%s", where, id, diff)
	}
	set, err := rule.LoadFS(fstest.MapFS{id + ".yml": {Data: []byte(text)}}, ".")
	if err != nil {
		t.Fatal(err)
	}
	results, err := ruletest.Run(t.Context(), set, builtin.Formats(), id)
	if err != nil || len(results) == 0 {
		t.Fatalf("%d tests, %v", len(results), err)
	}
	for _, r := range results {
		if !r.Passed {
			t.Errorf("%s: %s", r.Test, r.Diff)
		}
	}
}

// TestRulesAndHuntsExist: what looks like the id of a rule is one, and so is each hunt that is asked for by name.
func TestRulesAndHuntsExist(t *testing.T) {
	t.Parallel()
	for _, p := range pages(t) {
		for _, id := range regexp.MustCompile(`\b(aws|s3|vpc)-[a-z]+(-[a-z]+)+`).FindAllString(p.text, -1) {
			if files, _ := filepath.Glob("detections/*/" + id + ".yml"); len(files) != 1 {
				t.Errorf("%s names rule %s: files %v", p.name, id, files)
			}
		}
		for _, m := range regexp.MustCompile(`shrike hunt ([a-z][\w-]+)`).FindAllStringSubmatch(p.text, -1) {
			if _, err := os.Stat("detections/hunts/" + m[1] + ".sql"); err != nil {
				t.Errorf("%s names hunt %s: %v", p.name, m[1], err)
			}
		}
	}
}

// TestKeysExist: inline code such as `limits.keys` is a key of the configuration, as deploy/CONFIG.md lists it, or the
// whole of a section.
func TestKeysExist(t *testing.T) {
	t.Parallel()
	reference, err := os.ReadFile("deploy/CONFIG.md")
	if err != nil {
		t.Fatal(err)
	}
	key := regexp.MustCompile(`^[a-z_]+(\.[a-z_]+)+$`)
	for _, p := range pages(t) {
		for _, s := range p.spans {
			if !key.MatchString(s) || strings.HasSuffix(s, ".yml") || strings.HasSuffix(s, ".go") || strings.HasSuffix(s, ".jsonl") {
				continue
			}
			if !bytes.Contains(reference, []byte("| `"+s+"` |")) && !bytes.Contains(reference, []byte("| `"+s+".")) {
				t.Errorf("%s names the key %s, which deploy/CONFIG.md has not", p.name, s)
			}
		}
	}
}

// declared returns what each package below pkg declares, by the package's name: functions, types, methods as
// (*Type).Method or Type.Method.
var declared = sync.OnceValues(func() (map[string]map[string]bool, error) {
	names := make(map[string]map[string]bool)
	err := filepath.WalkDir("pkg", func(file string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		in := names[tree.Name.Name]
		if in == nil {
			in = make(map[string]bool)
			names[tree.Name.Name] = in
		}
		for _, decl := range tree.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				in[receiver(d)+d.Name.Name] = true
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if s, ok := spec.(*ast.TypeSpec); ok {
						in[s.Name.Name] = true
					}
				}
			}
		}
		return nil
	})
	return names, err
})

func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	switch x := f.Recv.List[0].Type.(type) {
	case *ast.StarExpr:
		if id, ok := x.X.(*ast.Ident); ok {
			return "(*" + id.Name + ")."
		}
	case *ast.Ident:
		return x.Name + "."
	}
	return ""
}

// TestGoNamesExist: inline code such as `pipeline.Ranges` or `match.(*Matcher).Event` is declared in that package.
func TestGoNamesExist(t *testing.T) {
	t.Parallel()
	packages, err := declared()
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`^([a-z]\w*)\.((?:\(\*[A-Za-z]\w*\)\.|[A-Z]\w*\.)?[A-Za-z]\w*)$`)
	for _, p := range pages(t) {
		for _, s := range p.spans {
			m := name.FindStringSubmatch(s)
			if m == nil || packages[m[1]] == nil || m[2] == strings.ToLower(m[2]) { // a file or a key
				continue
			}
			if !packages[m[1]][m[2]] {
				t.Errorf("%s names %s, which package %s does not declare; it has %v", p.name, s, m[1],
					slices.DeleteFunc(slices.Sorted(maps.Keys(packages[m[1]])), func(n string) bool { return path.Ext(n) != path.Ext(s) }))
			}
		}
	}
}
