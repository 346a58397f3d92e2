package cli

import (
	"path/filepath"
	"strings"
	"testing"
)

// What is printed has no secrets, unless they are asked for.
func TestSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	log := write(t, filepath.Join(t.TempDir(), "access.log"),
		`198.51.100.7 - - [02/Mar/2026:10:15:31 +0000] "GET /a?password=hunter2hunter2 HTTP/1.1" 200 5 "-" "curl/8.5"`+"\n"+`"token=hunter2hunter2`+"\n")
	for _, c := range []struct {
		args  []string
		shown bool
	}{
		{[]string{"parse", log}, false},
		{[]string{"parse", "--no-redact", log}, true},
		{[]string{"scan", "--dead-letters", log}, false},
	} {
		got := run(t, nil, c.args...)
		if shown := strings.Contains(got.out+got.err, "hunter2"); shown != c.shown {
			t.Errorf("%s: secret shown: %v, want %v:\n%s\n%s", strings.Join(c.args, " "), shown, c.shown, got.out, got.err)
		}
		if c.args[0] == "parse" && strings.Contains(got.out, `"redacted":true`) == c.shown {
			t.Errorf("%s: %s", strings.Join(c.args, " "), got.out)
		}
	}
}
