package app_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/shrike-sec/shrike/pkg/"

// layers lists the packages by how far left they stand: a package imports only from layers before its own, its own
// folder's packages (among those Go forbids cycles by itself). Siblings of one layer do not know each other.
var layers = [][]string{
	{"internal"},
	{"record", "event", "config", "telemetry"},
	{"format", "enrich"},
	{"redact"},
	{"rule", "alert"},
	{"match"},
	{"correlate"},
	{"ruleset", "source", "bus", "store", "notify"},
	{"builtin"},
	{"simulate", "ruletest", "scan", "pipeline", "embedded", "web"},
	{"app"},
	{"demo"},
	{"cli"},
}

// leaves may be imported by their siblings of layer 0: record has no imports, and event is made of records.
var within = map[string][]string{"event": {"record"}}

func TestImportsPointLeft(t *testing.T) {
	t.Parallel()
	checked := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		from := filepath.ToSlash(filepath.Dir(path))[len("../"):]
		for _, spec := range file.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			if to, ours := strings.CutPrefix(imported, module); ours {
				checked++
				if why := forbidden(from, to); why != "" {
					t.Errorf("%s imports %s: %s", path, to, why)
				}
			}
			owner := map[string]string{
				"github.com/segmentio/kafka-go": "bus", "github.com/ClickHouse/clickhouse-go/v2": "store", "github.com/expr-lang/expr": "rule",
			}
			for library, pkg := range owner {
				if (imported == library || strings.HasPrefix(imported, library+"/")) && top(from) != pkg {
					t.Errorf("%s imports %s: only package %s may", path, imported, pkg)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if checked < 50 {
		t.Fatalf("checked %d imports: want the whole tree", checked)
	}
}

func top(pkg string) string { first, _, _ := strings.Cut(pkg, "/"); return first }

func layer(pkg string) int {
	return slices.IndexFunc(layers, func(l []string) bool { return slices.Contains(l, top(pkg)) })
}

func forbidden(from, to string) string {
	switch a, b := layer(from), layer(to); {
	case a < 0:
		return "package " + top(from) + " stands in no layer: add it to the list"
	case b < 0:
		return "package " + top(to) + " stands in no layer: add it to the list"
	case top(from) == top(to):
		return ""
	case slices.Contains(within[top(from)], to):
		return ""
	case a <= b:
		return "imports point left"
	}
	return ""
}
