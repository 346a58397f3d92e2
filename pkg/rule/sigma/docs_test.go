package sigma

import (
	flags "flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

const page = "../../../docs/SIGMA.md"

// fieldTables are the fields of each log source as docs/SIGMA.md shows them.
func fieldTables() string {
	access, err := web("webserver", "", "", place{})
	if err != nil {
		panic(err)
	}
	var b strings.Builder
	for _, s := range []struct {
		logsource string
		source    *source
	}{
		{"product aws, service cloudtrail", cloudTrail()}, {"category webserver or proxy; service nginx or apache", access},
		{"category firewall; product aws, service vpcflow", flows("")}, {"category dns; product aws, service route53", resolver("")},
		{"product azure, service activitylogs", azure()}, {"product gcp, service gcp.audit", gcp()},
	} {
		fmt.Fprintf(&b, "\n### %s\n\nClass `%s`.", s.logsource, s.source.class)
		var prefixes []string
		for prefix, object := range s.source.objects {
			prefixes = append(prefixes, fmt.Sprintf(" `%s.…` is `%s.…`.", prefix, object))
		}
		slices.Sort(prefixes)
		fmt.Fprintf(&b, "%s\n\n| Sigma | Shrike |\n|---|---|\n", strings.Join(prefixes, ""))
		var rows []string
		for _, o := range s.source.fields {
			ours := "`" + o.text + "`"
			if o.ask != nil {
				if field, _, ok := o.ask(test{op: equals, text: "Role"}); ok {
					ours = "`" + field + "`"
				}
			}
			switch {
			case o.host != "":
				ours += ", `" + o.host + "`"
			case o.kind == target:
				ours = "`url_path`, `url_query`"
			}
			if o.guard != nil {
				ours += " where `" + o.guard.String() + "`"
			}
			rows = append(rows, fmt.Sprintf("| `%s` | %s |\n", o.name, ours))
		}
		slices.Sort(rows)
		b.WriteString(strings.Join(rows, ""))
	}
	return b.String()
}

// TestDocs keeps the tables of fields in docs/SIGMA.md true.
func TestDocs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	const mark = "-run Docs -update -->\n"
	before, _, ok := strings.Cut(string(text), mark)
	if !ok {
		t.Fatalf("%s has no mark", page)
	}
	want := before + mark + fieldTables()
	if flags.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(page, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(text) != want {
		t.Errorf("%s is not what go test ./pkg/rule/sigma -run Docs -update writes", page)
	}
	for _, m := range modifiers {
		if len(m) > 1 && !strings.Contains(before, "`"+m+"`") && m != "contains" && m != "startswith" && m != "endswith" && m != "utf16le" {
			t.Errorf("%s does not name modifier %s", page, m)
		}
	}
}
