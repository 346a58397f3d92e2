package redact

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/REDACTION.md")

func TestReferenceIsTrue(t *testing.T) {
	t.Parallel()
	const page = "../../docs/REDACTION.md"
	now := reference()
	if *update {
		if err := os.MkdirAll("../../docs", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(page, []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	committed, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(committed), now); diff != "" {
		t.Errorf("docs/REDACTION.md is stale, run go test ./pkg/redact -update (-committed +now):\n%s", diff)
	}
}

// reference returns docs/REDACTION.md.
func reference() string {
	var b strings.Builder
	b.WriteString(intro)
	for _, k := range Keys() {
		which := "ends with"
		if k.Exact {
			which = "is"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", which, k.Words, k.Why)
	}
	fmt.Fprintf(&b, outro, strings.Join(harmless, ", "), strings.Join(identifiers, ", "))
	return b.String()
}

const intro = `# What is not stored

Logs hold secrets: session tokens in answers of cloud APIs, passwords in URLs, signatures of presigned requests, cookies.
Shrike matches its rules on records as they come, and cuts secrets out of all that it keeps or shows: every column of
every table, raw bytes included (JSON stays JSON), dead letters, the samples, keys and titles of alerts, what first_seen
rules remember, and what the commands print (` + "`shrike parse` and `shrike scan` show them with `--no-redact`" + `). In the place of a secret
stands ` + "`<redacted>`" + `, and the column ` + "`redacted`" + ` is true. The event's id stays that of the original.

Kafka's topics of records hold what came, for as long as ` + "`retention.topics`" + ` says: detect reads them. Protect them as you protect the logs.

A secret is known by its name: the key in JSON, the parameter in a query, the header, the column. Names are compared
without case, ` + "`-`, `_` and `.`" + `. The configuration adds names: ` + "`redact: { keys: [vault_seal] }`" + `.

| a name that | words | why |
|---|---|---|
`

const outro = `
Besides, whatever its name: the password in ` + "`scheme://user:password@host`" + ` (also encoded, as a parameter), private keys in PEM, JSON web tokens, bearer tokens, session
tokens of AWS. ` + "`{\"name\": \"password\", \"value\": …}`" + ` counts as a name and its value. A secret of eight bytes or more that was
found in a record is cut wherever else it stands in that record.

Not secrets: values that say nothing or are masked already, ARNs, true and false, names that end in %s.
Inside of an object that is a secret (` + "`credentials`" + `) stays what is by its own name no secret; it ends in: %s.
So access key ids stay: hunts join on them.

In a query letters of a name may be percent-encoded, also more than once (` + "`%%70assword`, `%%2570assword`" + `). Two secrets that were grouped by are one group.
This page is generated from package redact; a test keeps it true.
`
