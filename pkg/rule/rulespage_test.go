package rule

import (
	flags "flag"
	"fmt"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

var update = flags.Bool("update", false, "write docs/RULES.md")

const rulesPage = "../../docs/RULES.md"

// TestRulesPage keeps docs/RULES.md true: its tables of keys are the schema's, its text on conditions the package's, its rule
// loads. (Without the line of doc.go on isPrivate, or the schema's on tags, it fails.)
func TestRulesPage(t *testing.T) {
	t.Parallel()
	text := string(must(os.ReadFile(rulesPage)))
	const mark = "-run RulesPage -update -->\n"
	before, _, ok := strings.Cut(text, mark)
	if !ok {
		t.Fatalf("%s has no mark", rulesPage)
	}
	want := before + mark + keyTables(t) + packageText(t)
	if *update {
		if err := os.WriteFile(rulesPage, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	} else if text != want {
		t.Errorf("%s is not what go test ./pkg/rule -run RulesPage -update writes", rulesPage)
	}
	for _, name := range append(slices.Clone(ours), "contains", "startsWith", "endsWith", "matches") {
		if !strings.Contains(want, name) && !strings.HasPrefix(name, "has") { // hasPrefix and hasSuffix are refused
			t.Errorf("%s does not name %s", rulesPage, name)
		}
	}
	for _, kind := range kinds {
		if !strings.Contains(before, "| `"+kind.name+":") {
			t.Errorf("%s does not show kind %s", rulesPage, kind.name)
		}
	}
	for _, code := range WarningCodes() {
		if !strings.Contains(want, code) {
			t.Errorf("%s does not name warning %s", rulesPage, code)
		}
	}
	checkExamples(t, before)
}

// checkExamples loads the page's whole rule, and its sequence in that rule's place.
func checkExamples(t *testing.T, text string) {
	t.Helper()
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(text, -1)
	if len(blocks) != 4 {
		t.Fatalf("%d examples", len(blocks))
	}
	whole := blocks[0][1]
	head, rest, _ := strings.Cut(whole, "severity:")
	_, tail, _ := strings.Cut(rest, "dedup: 1h\n")
	steps := strings.Replace(head, `"{actor_name} made user {request.userName} in {account_id}"`, `"{stopped.actor}"`, 1) +
		"severity: high\n" + blocks[1][1] + strings.Replace(strings.Replace(tail, "{actor_name}", "{count}", 1), "severity: medium, ", "", 1)
	for _, rule := range []string{whole, steps} {
		if _, err := LoadTexts(Text{Name: "admin-user-created.yml", Text: []byte(rule)}); err != nil {
			t.Errorf("example of %s: %s", rulesPage, err)
		}
	}
}

// keyTables are the keys of the schema of rules.
func keyTables(t *testing.T) string {
	t.Helper()
	var root yaml.MapSlice
	if err := yaml.UnmarshalWithOptions(must(os.ReadFile(schemaFile("rule"))), &root, yaml.UseOrderedMap()); err != nil {
		t.Fatal(err)
	}
	p := &schemaPage{defs: at(root, "$defs")}
	p.b.WriteString("\n## Keys\n\nIn bold: what cannot be left out. A rule that is `experimental` may lack attack, false_positives and tests; one of class\n" +
		"alert has no outcome.\n\n| key | value | meaning |\n|---|---|---|\n")
	p.rows("", root)
	return p.b.String()
}

// schemaPage writes a schema as rows of a table.
type schemaPage struct {
	defs yaml.MapSlice
	b    strings.Builder
}

// rows writes a row for each property of an object, and below it those inside it.
func (p *schemaPage) rows(prefix string, object yaml.MapSlice) {
	required, _ := get(object, "required").([]any)
	if prefix == "" {
		required = append(required, "class", "outcome", "when", "attack", "false_positives", "tests")
	}
	for _, property := range at(object, "properties") {
		name, schema := property.Key.(string), property.Value.(yaml.MapSlice)
		key := "`" + prefix + name + "`"
		if slices.Contains(required, any(name)) {
			key = "**" + key + "**"
		}
		meaning, _ := get(p.whole(schema), "description").(string)
		fmt.Fprintf(&p.b, "| %s | %s | %s |\n", key, p.value(schema), strings.ReplaceAll(meaning, "|", `\|`))
		p.inside(prefix+name, schema)
	}
}

func (p *schemaPage) inside(prefix string, schema yaml.MapSlice) {
	schema = p.whole(schema)
	if at(schema, "properties") != nil {
		p.rows(prefix+".", schema)
		return
	}
	if items := at(schema, "items"); items != nil {
		p.inside(prefix+"[]", items)
	}
	ways, _ := get(schema, "oneOf").([]any)
	for _, way := range ways {
		p.inside(prefix, way.(yaml.MapSlice))
	}
}

// whole is a schema with what it refers to.
func (p *schemaPage) whole(schema yaml.MapSlice) yaml.MapSlice {
	if ref, ok := get(schema, "$ref").(string); ok {
		return append(slices.Clone(schema), at(p.defs, strings.TrimPrefix(ref, "#/$defs/"))...)
	}
	return schema
}

// value says what a key's value is.
func (p *schemaPage) value(schema yaml.MapSlice) string {
	ref, _ := get(schema, "$ref").(string)
	switch name := strings.TrimPrefix(ref, "#/$defs/"); name {
	case "", "severity", "class", "outcome", "warning":
	case "count":
		return "whole number"
	case "key":
		return "field or path"
	default:
		return map[string]string{"id": "text", "texts": "list of text", "keys": "list of fields and paths"}[name] +
			map[bool]string{true: name}[name != "id" && name != "texts" && name != "keys"]
	}
	schema = p.whole(schema)
	var words []string
	add := func(list any, word func(any) string) {
		values, _ := list.([]any)
		for _, v := range values {
			if w := word(v); !slices.Contains(words, w) {
				words = append(words, w)
			}
		}
	}
	add(get(schema, "enum"), func(v any) string { return fmt.Sprintf("`%v`", v) })
	if at(schema, "properties") == nil {
		add(get(schema, "oneOf"), func(v any) string { return p.value(v.(yaml.MapSlice)) })
	}
	switch {
	case len(words) > 0:
		return strings.Join(words, ", ")
	case at(schema, "items") != nil:
		return "list of " + p.value(at(schema, "items"))
	}
	word, _ := get(schema, "type").(string)
	return map[string]string{"object": "mapping", "string": "text", "integer": "whole number", "number": "number", "boolean": "`true`, `false`"}[word]
}

func get(m yaml.MapSlice, key string) any {
	for _, item := range m {
		if item.Key == key {
			return item.Value
		}
	}
	return nil
}

func at(m yaml.MapSlice, key string) yaml.MapSlice {
	inside, _ := get(m, key).(yaml.MapSlice)
	return inside
}

// toldHere are the parts of the package's comment that are about the language.
var toldHere = []string{"Conditions", "Severity and maturity", "Lists", "Several values", "Sequences", "Rules over alerts"}

// packageText is what the package's comment says about the language.
func packageText(t *testing.T) string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var parts []comment.Block
	told := 0
	here := false
	for _, block := range new(comment.Parser).Parse(file.Doc.Text()).Content {
		if h, ok := block.(*comment.Heading); ok {
			if here = contains(toldHere, string(h.Text[0].(comment.Plain))); here {
				told++
			}
		}
		if p, ok := block.(*comment.Paragraph); ok {
			if first, _ := p.Text[0].(comment.Plain); strings.HasPrefix(string(first), "Start reading at") {
				here = false
			}
		}
		if here {
			parts = append(parts, block)
		}
	}
	if told != len(toldHere) {
		t.Errorf("doc.go has %d of the parts %q", told, toldHere)
	}
	printer := &comment.Printer{HeadingLevel: 2, HeadingID: func(*comment.Heading) string { return "" }, TextWidth: 120}
	return "\n" + string(printer.Markdown(&comment.Doc{Content: parts}))
}
