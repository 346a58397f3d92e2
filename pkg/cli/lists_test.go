package cli

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ranges is AWS's format with networks that documents may use.
func ranges(token int64) string {
	return fmt.Sprintf(`{"syncToken":"%d","createDate":"2026-03-01-09-00-00",
"prefixes":[{"ip_prefix":"198.51.100.0/24","region":"eu-central-1","service":"EC2"},{"ip_prefix":"198.51.100.0/24","region":"eu-central-1","service":"AMAZON"}],
"ipv6_prefixes":[{"ipv6_prefix":"2001:db8::/48","region":"us-east-1","service":"EC2"}]}`, token)
}

func TestListsFromAFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from.json"), filepath.Join(dir, "ip-ranges.json")
	for _, c := range []struct {
		name, text string
		status     int
		said       string
	}{
		{"a first edition", ranges(1772355600), exitOK, "2 networks of 2 services in 2 regions, published 2026-03-01T09:00:00Z"},
		{"a newer edition", ranges(1772355700), exitOK, "published 2026-03-01T09:01:40Z"},
		{"an older edition", ranges(1772355600), exitBad, "is newer (published 2026-03-01T09:01:40Z, this one 2026-03-01T09:00:00Z): it stays"},
		{"half a file", ranges(1772355800)[:200], exitInput, "from.json: parse ip-ranges.json: unexpected end of JSON input"},
		{"a page", "<html>", exitInput, "parse ip-ranges.json: invalid character"},
	} {
		if err := os.WriteFile(from, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		before, _ := os.ReadFile(to)
		got := run(t, nil, "lists", "aws-ranges", "--from", from, "--to", to)
		if got.status != c.status || !strings.Contains(got.out+got.err, c.said) {
			t.Errorf("%s: status %d, said %s%s, want %d and %s", c.name, got.status, got.out, got.err, c.status, c.said)
		}
		want := c.text
		if c.status != exitOK {
			want = string(before)
		}
		if after, err := os.ReadFile(to); err != nil || string(after) != want {
			t.Errorf("%s: the file now has %q, %v", c.name, after, err)
		}
	}
	if got := run(t, nil, "lists", "aws-ranges", "--from", "http://127.0.0.1/x", "--to", to); got.status != exitUsage || !strings.Contains(got.err, "a file or an https URL") {
		t.Errorf("plain HTTP: status %d, said %s", got.status, got.err)
	}
}

func TestListsFromAServer(t *testing.T) {
	t.Parallel()
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, ranges(1)) }))
	defer plain.Close()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/ip-ranges.json", http.StatusFound)
		case "/plain":
			http.Redirect(w, r, plain.URL, http.StatusFound)
		case "/ip-ranges.json":
			_, _ = io.WriteString(w, ranges(1772355600))
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	for path, said := range map[string]string{
		"/ip-ranges.json": "", "/moved": "", "/plain": "redirected to http://", "/absent": "answers 404 Not Found",
	} {
		var out bytes.Buffer
		s, to := &shell{out: &out}, filepath.Join(t.TempDir(), "ip-ranges.json")
		err := s.refreshRanges(t.Context(), server.Client(), server.URL+path, to)
		if (err == nil) != (said == "") || err != nil && !strings.Contains(err.Error(), said) {
			t.Errorf("%s: %v, want %q", path, err, said)
		}
		if text, _ := os.ReadFile(to); (string(text) == ranges(1772355600)) != (said == "") {
			t.Errorf("%s: the file has %q", path, text)
		}
	}
}
