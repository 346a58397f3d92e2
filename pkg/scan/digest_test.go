package scan

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
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
	"github.com/shrike-sec/shrike/pkg/format/cloudtrail/digest"
)

const logFolder, digestFolder = "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/01/", "AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/03/01/"

func logName(hour int) string {
	return fmt.Sprintf("111122223333_CloudTrail_eu-west-1_20260301T%02d05Z_%08d.json.gz", hour, hour)
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
func deliver(t *testing.T, root string, key *rsa.PrivateKey) {
	t.Helper()
	sha := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return hex.EncodeToString(sum[:])
	}
	var before, sign *string
	for hour := range 4 {
		content := `{"Records":[` + strings.TrimSuffix(login(hour, "111122223333"), "\n") + `]}`
		put(t, root, logFolder+logName(hour), content)
		d := map[string]any{
			"awsAccountId": "111122223333", "digestS3Bucket": "logs", "digestS3Object": digestFolder + digestName(hour+1),
			"digestStartTime": fmt.Sprintf("2026-03-01T%02d:00:00Z", hour), "digestEndTime": fmt.Sprintf("2026-03-01T%02d:00:00Z", hour+1),
			"logFiles":               []any{map[string]any{"s3Bucket": "logs", "s3Object": logFolder + logName(hour), "hashValue": sha(content), "hashAlgorithm": "SHA-256"}},
			"previousDigestS3Object": nil, "previousDigestSignature": sign, "previousDigestHashValue": before,
		}
		signed := "null"
		if hour > 0 {
			d["previousDigestS3Bucket"], d["previousDigestS3Object"], d["previousDigestHashAlgorithm"] = "logs", digestFolder+digestName(hour), "SHA-256"
			signed = *sign
		}
		text, err := json.MarshalIndent(d, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		put(t, root, digestFolder+digestName(hour+1), string(text)+"\n")
		hash := sha(string(text) + "\n")
		sum := sha256.Sum256([]byte(fmt.Sprintf("%s\nlogs/%s\n%s\n%s", d["digestEndTime"], d["digestS3Object"], hash, signed)))
		b, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		next := hex.EncodeToString(b)
		before, sign = &hash, &next
	}
}

func TestTrailIsCheckedByItsDigests(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := digest.ParseKeys(x509.MarshalPKCS1PublicKey(&key.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		signer *rsa.PrivateKey
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
			report, err := Run(t.Context(), inputs, Options{Formats: builtin.Formats(), Rules: testRules(t, "login"), DigestKeys: keys, Until: tc.until})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			logins := 0
			for _, a := range report.Alerts {
				if a.RuleID != TrailDigest {
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
