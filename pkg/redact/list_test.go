package redact_test

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shrike-sec/shrike/pkg/redact"
)

var update = flag.Bool("update", false, "write docs/REDACTION.md")

func TestReferenceIsTrue(t *testing.T) {
	t.Parallel()
	const page = "../../docs/REDACTION.md"
	now := redact.Reference()
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
