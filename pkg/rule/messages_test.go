package rule

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Every message that the loader can give is that of some file below testdata/bad, with its exact words and place: a message
// that nobody has ever seen is one that nobody has read.
func TestEveryMessageHasAFixture(t *testing.T) {
	t.Parallel()
	var wants []string
	_ = filepath.WalkDir("testdata/bad", func(name string, d fs.DirEntry, _ error) error {
		if !d.IsDir() {
			wants = append(wants, wanted(t, name, "# wantErr: ")...)
		}
		return nil
	})
	found := 0
	for at, format := range messages(t) {
		found++
		if contains(elsewhere, format) {
			continue
		}
		words := regexp.MustCompile(`^\d+:\d+: ` + strings.ReplaceAll(verbs.ReplaceAllString(regexp.QuoteMeta(format), `.*`), "%%", "%"))
		if !matchesAny(words, wants) {
			t.Errorf("%s: no fixture has %q", at, format)
		}
	}
	if found < 150 {
		t.Errorf("only %d messages found in the source", found)
	}
}

var verbs = regexp.MustCompile(`%(\\\[\d\\\])?[sqdvg]`)

// elsewhere are messages that other tests bring about, or that expr's and YAML's parsers leave no way to.
var elsewhere = []string{
	"%s",                                   // the words are another message's
	"the name of a rule file ends in .yml", // see TestAbsentAndMisnamedFiles
	"the condition cannot be compiled: %s", // what is checked compiles
	"the name of a list or exception ends in .yml", // see TestAbsentAndMisnamedFiles
	"%s takes a list and a condition on #",         // expr's parser counts them
	"%s is given twice",                            // YAML's parser says it first
}

func matchesAny(re *regexp.Regexp, texts []string) bool {
	return slices.ContainsFunc(texts, re.MatchString)
}

// messages returns the format of each message in the package's source, by its place.
func messages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		note := func(e ast.Expr) {
			if call, ok := e.(*ast.CallExpr); ok && len(call.Args) > 0 { // fmt.Sprintf
				e = call.Args[0]
			}
			if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				s, _ := strconv.Unquote(lit.Value)
				found[set.Position(lit.Pos()).String()] = s
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "report" && len(n.Args) > 2 {
					note(n.Args[2])
				}
			case *ast.KeyValueExpr:
				if k, ok := n.Key.(*ast.Ident); ok && (k.Name == "message" || k.Name == "Message") {
					note(n.Value)
				}
			}
			return true
		})
	}
	return found
}
