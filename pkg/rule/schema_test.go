package rule

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemaFile is the schema that editors use for files of a kind.
func schemaFile(kind string) string { return "../../detections/" + kind + ".schema.json" }

// kindOfFile says which schema a file below a pack is held against.
func kindOfFile(name string) string {
	switch filepath.Base(filepath.Dir(name)) {
	case "lists":
		return "list"
	case "exceptions":
		return "exception"
	}
	return "rule"
}

func compileSchemas(t *testing.T) map[string]*jsonschema.Schema {
	t.Helper()
	schemas := map[string]*jsonschema.Schema{}
	for _, kind := range []string{"rule", "list", "exception"} {
		s, err := jsonschema.NewCompiler().Compile(schemaFile(kind))
		if err != nil {
			t.Fatal(err)
		}
		schemas[kind] = s
	}
	return schemas
}

// instance reads a YAML file as what a JSON schema is about; ok is false when it is no YAML.
func instance(t *testing.T, name string) (any, bool) {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(must(os.ReadFile(name)), &v); err != nil || v == nil {
		return nil, false
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil, false
	}
	v, err = jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return v, true
}

func yamlFiles(t *testing.T, roots ...string) []string {
	t.Helper()
	var names []string
	for _, root := range roots {
		err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
			if err == nil && filepath.Ext(name) == ".yml" {
				names = append(names, name)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return names
}

// What loads is good by the schema too.
func TestSchemaTakesWhatLoads(t *testing.T) {
	t.Parallel()
	schemas := compileSchemas(t)
	names := yamlFiles(t, "testdata/good", "testdata/lint", "../ruletest/testdata/good", "../../detections")
	for _, name := range names {
		v, ok := instance(t, name)
		if !ok {
			t.Errorf("%s is no YAML", name)
			continue
		}
		if err := schemas[kindOfFile(name)].Validate(v); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(names) < 40 {
		t.Errorf("%d files", len(names))
	}
}

// ofShape are the problems that a schema can see: all others need the field table, other files or the source text.
var ofShape = regexp.MustCompile(`unknown key|has no (attack|class|expires|failure|id|owner|reason|rule|when|title|within|severity|tests|values)$|` +
	`must be (one of|a list|text|a duration|a whole number|a size|a mapping|kebab-case)|is an empty list|has no value|belongs into each step|` +
	`a rule has one kind|is not an ATT&CK technique|either raw|has either values|a sequence has 2 to|no test expects|the name of a step is of|` +
	`alerts have no outcome|is empty|each of severity must be|is the name of a file|expires must be a date such as .*"never"`)

// notSeen are problems of shape that YAML hides from a schema: 017 is 15 by then, an anchor what it stands for, and a
// number any number.
var notSeen = []string{"count-octal", "anchor"}

// What is wrong by its shape is refused by the schema.
func TestSchemaRefusesWrongShapes(t *testing.T) {
	t.Parallel()
	schemas, refused := compileSchemas(t), 0
	for _, name := range yamlFiles(t, "testdata/bad") {
		wrong := strings.Join(wanted(t, name, "# wantErr: "), "\n")
		v, ok := instance(t, name)
		if !ok || !ofShape.MatchString(wrong) || slices.Contains(notSeen, strings.TrimSuffix(filepath.Base(name), ".yml")) {
			continue
		}
		refused++
		if err := schemas[kindOfFile(name)].Validate(v); err == nil {
			t.Errorf("%s is good by the schema:\n%s", name, wrong)
		}
	}
	if refused < 35 {
		t.Errorf("only %d files are wrong by their shape", refused)
	}
}

// The loader and the schema know the same keys: those that the source of this package takes or needs, and kinds.
func TestSchemaKnowsTheKeys(t *testing.T) {
	t.Parallel()
	want := takenKeys(t)
	for _, k := range kinds {
		want[k.name] = true
	}
	got := map[string]bool{}
	for _, kind := range []string{"rule", "list", "exception"} {
		var schema any
		if err := json.Unmarshal(must(os.ReadFile(schemaFile(kind))), &schema); err != nil {
			t.Fatal(err)
		}
		properties(schema, got)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("keys of the loader and of detections/*.schema.json (-loader +schema):\n%s", diff)
	}
	var schema struct {
		Defs map[string]struct{ Enum []string } `json:"$defs"`
	}
	if err := json.Unmarshal(must(os.ReadFile(schemaFile("rule"))), &schema); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(WarningCodes(), schema.Defs["warning"].Enum); diff != "" {
		t.Errorf("codes of warnings in detections/rule.schema.json (-want +got):\n%s", diff)
	}
	var rule, exception struct {
		Defs map[string]any `json:"$defs"`
	}
	if err := errors.Join(json.Unmarshal(must(os.ReadFile(schemaFile("rule"))), &rule), json.Unmarshal(must(os.ReadFile(schemaFile("exception"))), &exception)); err != nil {
		t.Fatal(err)
	}
	for name, def := range exception.Defs {
		if diff := cmp.Diff(rule.Defs[name], def); diff != "" {
			t.Errorf("%s is another in the schema of exceptions (-rule +exception):\n%s", name, diff)
		}
	}
	if diff := cmp.Diff(severities, schema.Defs["severity"].Enum); diff != "" {
		t.Errorf("severities in detections/rule.schema.json (-want +got):\n%s", diff)
	}
}

// takenKeys reads the keys that mappings are asked for off this package's source.
func takenKeys(t *testing.T) map[string]bool {
	t.Helper()
	keys := map[string]bool{}
	literal := func(e ast.Expr) {
		if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			s, _ := strconv.Unquote(lit.Value)
			keys[s] = true
		}
	}
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			switch fun := call.Fun.(type) {
			case *ast.SelectorExpr:
				if fun.Sel.Name == "take" || fun.Sel.Name == "need" {
					literal(call.Args[0])
				}
			case *ast.Ident:
				if fun.Name == "needed" {
					literal(call.Args[2])
				}
			}
			return true
		})
	}
	for _, key := range []string{"author", "licence", "id", "date", "url"} { // readSource takes them in a loop
		keys[key] = true
	}
	return keys
}

// properties adds the names of all properties that a schema describes; false forbids one that another describes.
func properties(schema any, names map[string]bool) {
	switch schema := schema.(type) {
	case map[string]any:
		if p, ok := schema["properties"].(map[string]any); ok {
			for name, v := range p {
				if v != false {
					names[name] = true
				}
			}
		}
		for _, v := range schema {
			properties(v, names)
		}
	case []any:
		for _, v := range schema {
			properties(v, names)
		}
	}
}
