package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRulesDocs(t *testing.T) {
	t.Parallel()
	pack := filepath.Join(t.TempDir(), "my-pack")
	write(t, filepath.Join(pack, "root-login.yml"), testRule)
	got := run(t, nil, "rules", "docs", pack)
	if got.status != 0 || !strings.HasPrefix(got.out, "# Rules of my-pack\n") || !strings.Contains(got.out, "## root-login") {
		t.Errorf("rules docs: %+v", got)
	}
	dir := filepath.Join(t.TempDir(), "a", "b")
	page := filepath.Join(dir, "my-pack.md")
	if got := run(t, nil, "rules", "docs", pack, "--output", dir); got.status != 0 || got.out != page+"\n" {
		t.Errorf("rules docs --output: %+v", got)
	}
	text, err := os.ReadFile(page)
	if err != nil || string(text) != got.out {
		t.Errorf("the page is %q, %v", text, err)
	}
	if got := run(t, nil, "rules", "docs", pack, "--output", page); got.status != exitBad {
		t.Errorf("rules docs into a file: %+v", got)
	}
}
