// Package digesttest makes trails as CloudTrail delivers them, log files and signed digests, for tests of what checks
// them. Only tests import it. Start reading at Deliver.
package digesttest

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
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/shrike-sec/shrike/pkg/format/cloudtrail/digest"
)

// Key is what a trail is signed with.
type Key struct {
	private *rsa.PrivateKey
	Public  []byte // DER, as ParseKeys takes it
	Keys    digest.Keys
}

// NewKey makes a key.
func NewKey(t testing.TB) Key {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	k := Key{private: private, Public: x509.MarshalPKCS1PublicKey(&private.PublicKey)}
	if k.Keys, err = digest.ParseKeys(k.Public); err != nil {
		t.Fatal(err)
	}
	return k
}

// Trail says what to deliver: hours from Start on, each with one log file.
type Trail struct {
	Key    Key
	Start  time.Time
	Hours  int
	Record func(hour int) string // the log file's one record; nil: an object that is none
	// Backfill delivers backfill digests, the last hour first and with half an hour between them.
	Backfill bool
}

// Object is one delivered object.
type Object struct {
	Name      string // the key's last part
	Key       string
	Content   []byte // uncompressed
	Signature string // hexadecimal, of a digest
}

// Zipped is the content as it lies in S3.
func (o *Object) Zipped(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(o.Content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const account = "111122223333"

// Deliver returns the logs and the digests of each hour: that of hour i names log i and digest i-1.
func (tr Trail) Deliver(t testing.TB) (logs, digests []Object) {
	t.Helper()
	var before *Object
	for hour := range tr.Hours {
		log := tr.log(hour)
		d := tr.digest(t, hour, &log, before)
		logs, digests = append(logs, log), append(digests, d)
		before = &d
	}
	return logs, digests
}

func (tr Trail) at(hour int) time.Time {
	if tr.Backfill {
		return tr.Start.Add(time.Duration(tr.Hours-hour) * 90 * time.Minute).UTC()
	}
	return tr.Start.Add(time.Duration(hour) * time.Hour).UTC()
}

func (tr Trail) log(hour int) Object {
	record := fmt.Sprintf(`{"n":%d}`, hour)
	if tr.Record != nil {
		record = tr.Record(hour)
	}
	at := tr.at(hour).Add(5 * time.Minute)
	name := fmt.Sprintf("%s_CloudTrail_eu-west-1_%s_%016d.json.gz", account, at.Format("20060102T1504Z"), hour)
	return Object{Name: name, Key: "AWSLogs/" + account + "/CloudTrail/eu-west-1/" + at.Format("2006/01/02/") + name, Content: []byte(`{"Records":[` + record + `]}`)}
}

func (tr Trail) digest(t testing.TB, hour int, log, before *Object) Object {
	t.Helper()
	end, kind := tr.at(hour).Add(time.Hour), ""
	if tr.Backfill {
		kind = "_backfill"
	}
	name := fmt.Sprintf("%s_CloudTrail-Digest_eu-west-1_main_eu-west-1_%s%s.json.gz", account, end.Format("20060102T150405Z"), kind)
	o := Object{Name: name, Key: "AWSLogs/" + account + "/CloudTrail-Digest/eu-west-1/" + end.Format("2006/01/02/") + name}
	d := map[string]any{
		"awsAccountId": account, "digestS3Bucket": "logs", "digestS3Object": o.Key, "digestSignatureAlgorithm": "SHA256withRSA",
		"digestStartTime": tr.at(hour).Format(time.RFC3339), "digestEndTime": end.Format(time.RFC3339),
		"digestPublicKeyFingerprint": "aa", "newestEventTime": nil, "aNewMember": []int{1},
		"logFiles":               []any{map[string]any{"s3Bucket": "logs", "s3Object": log.Key, "hashValue": hash(log.Content), "hashAlgorithm": "SHA-256"}},
		"previousDigestS3Bucket": nil, "previousDigestS3Object": nil, "previousDigestHashValue": nil, "previousDigestHashAlgorithm": nil,
		"previousDigestSignature": nil,
	}
	signed := "null"
	if before != nil {
		d["previousDigestS3Bucket"], d["previousDigestS3Object"] = "logs", before.Key
		d["previousDigestHashValue"], d["previousDigestHashAlgorithm"] = hash(before.Content), "SHA-256"
		d["previousDigestSignature"], signed = before.Signature, before.Signature
	}
	var err error
	if o.Content, err = json.MarshalIndent(d, "", " "); err != nil {
		t.Fatal(err)
	}
	o.Content = append(o.Content, '\n')
	text := sha256.Sum256([]byte(end.Format(time.RFC3339) + "\nlogs/" + o.Key + "\n" + hash(o.Content) + "\n" + signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, tr.Key.private, crypto.SHA256, text[:])
	if err != nil {
		t.Fatal(err)
	}
	o.Signature = hex.EncodeToString(signature)
	return o
}

func hash(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
