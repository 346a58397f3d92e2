package scan

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"

	"github.com/shrike-sec/shrike/pkg/builtin"
	"github.com/shrike-sec/shrike/pkg/format/cloudtrail/digest/digesttest"
	"github.com/shrike-sec/shrike/pkg/source/trail"
)

const logFolder, digestFolder = "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/01/", "AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/03/01/"

func logName(hour int) string {
	return fmt.Sprintf("111122223333_CloudTrail_eu-west-1_20260301T%02d05Z_%016d.json.gz", hour, hour)
}

func digestName(hour int) string {
	return fmt.Sprintf("111122223333_CloudTrail-Digest_eu-west-1_main_eu-west-1_20260301T%02d0000Z.json.gz", hour)
}

func put(t *testing.T, root, key, content string) {
	t.Helper()
	path := filepath.Join(root, filepath.FromSlash(key))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, path, b.String())
}

// deliver lays down a trail of four hours, each with one log file and a digest.
func deliver(t *testing.T, root string, key digesttest.Key) {
	t.Helper()
	logs, digests := digesttest.Trail{Key: key, Start: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Hours: 4, Record: func(hour int) string {
		return strings.TrimSuffix(login(hour, "111122223333"), "\n")
	}}.Deliver(t)
	for _, o := range slices.Concat(logs, digests) {
		put(t, root, o.Key, string(o.Content))
	}
}

func TestTrailIsCheckedByItsDigests(t *testing.T) {
	t.Parallel()
	key, other := digesttest.NewKey(t), digesttest.NewKey(t)
	for name, tc := range map[string]struct {
		signer digesttest.Key
		harm   func(root string)
		until  time.Time
		want   []string
	}{
		"whole":       {key, func(string) {}, time.Time{}, nil},
		"missing log": {key, func(root string) { remove(t, root, logFolder+logName(1)) }, time.Time{}, []string{"1 log files of a trail are missing"}},
		"changed logs": {key, func(root string) {
			put(t, root, logFolder+logName(1), `{"Records":[]}`)
			put(t, root, logFolder+logName(2), `{"Records":[]}`)
		}, time.Time{}, []string{"2 log files of a trail were changed after delivery"}},
		"changed log beside the right one": {key, func(root string) {
			put(t, root, "a/"+logName(1), `{"Records":[]}`)
			put(t, root, "zz/"+logName(2), `{"Records":[]}`)
		}, time.Time{}, []string{"2 log files of a trail were changed after delivery"}},
		"after the time looked at": {key, func(root string) { remove(t, root, logFolder+logName(3)) }, time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC), nil},
		"missing digest":           {key, func(root string) { remove(t, root, digestFolder+digestName(2)) }, time.Time{}, []string{"1 digests of a trail are missing"}},
		"not a digest":             {key, func(root string) { put(t, root, digestFolder+digestName(9), "{") }, time.Time{}, []string{"1 digests of a trail were changed after delivery"}},
		"forged":                   {other, func(string) {}, time.Time{}, []string{"3 digests of a trail are not signed by CloudTrail"}},
		"digest by another name": {key, func(root string) {
			if err := os.Rename(filepath.Join(root, digestFolder, digestName(2)), filepath.Join(root, "x.json.gz")); err != nil {
				t.Fatal(err)
			}
		}, time.Time{}, []string{"1 digests of a trail were changed after delivery"}},
		"flat folder": {key, func(root string) {
			if err := os.Rename(filepath.Join(root, logFolder, logName(1)), filepath.Join(root, logName(1))); err != nil {
				t.Fatal(err)
			}
		}, time.Time{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			deliver(t, root, tc.signer)
			tc.harm(root)
			inputs, err := Inputs([]string{root}, nil)
			if err != nil {
				t.Fatal(err)
			}
			report, err := Run(t.Context(), inputs, Options{Formats: builtin.Formats(), Rules: testRules(t, "login"), DigestKeys: key.Keys, Until: tc.until})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			logins := 0
			for _, a := range report.Alerts {
				if a.RuleID != trail.RuleID {
					logins++
					continue
				}
				title, _, _ := strings.Cut(a.Title, " (")
				got = append(got, title)
				if a.ID == "" || a.Entity.Kind != "account" || a.Severity != "high" || !strings.Contains(a.Runbook, "\n- ") || len(a.Group) == 0 {
					t.Errorf("incomplete alert: %+v", a)
				}
			}
			slices.Sort(got)
			if diff := cmp.Diff(tc.want, got); diff != "" || (logins == 1) != tc.until.IsZero() || report.Digests == 0 {
				t.Errorf("%d login alerts, %d digests (-want +got):\n%s", logins, report.Digests, diff)
			}
		})
	}
}

func remove(t *testing.T, root, key string) {
	t.Helper()
	if err := os.Remove(filepath.Join(root, filepath.FromSlash(key))); err != nil {
		t.Fatal(err)
	}
}
