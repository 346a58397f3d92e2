// Package digest checks the digest files with which CloudTrail proves what it delivered: each hour's digest names the
// log files of that hour with their SHA-256, the digest before it with its hash, and that one's signature.
//
// A digest's own signature is in the metadata of its S3 object, which a copy on disk does not have; but the digest after
// it repeats it. So every digest but the newest of a chain can be checked with the public key alone. Nothing here
// knows S3, folders or alerts: the caller gives digests with the hash of their content and opens log files by key.
// Verify checks a whole copy; who sees files come one after the other uses Link, Signed and Compare. Start reading at
// Verify.
package digest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"
)

// Digest is one digest file.
type Digest struct {
	Account      string    `json:"awsAccountId"`
	Start        time.Time `json:"digestStartTime"`
	End          time.Time `json:"digestEndTime"`
	Bucket       string    `json:"digestS3Bucket"`
	Object       string    `json:"digestS3Object"`
	Fingerprint  string    `json:"digestPublicKeyFingerprint"`
	PrevBucket   string    `json:"previousDigestS3Bucket"` // "" in the first digest of a chain, as what follows
	PrevObject   string    `json:"previousDigestS3Object"`
	PrevHash     string    `json:"previousDigestHashValue"` // hexadecimal, as all hashes and signatures
	PrevHashKind string    `json:"previousDigestHashAlgorithm"`
	PrevSign     string    `json:"previousDigestSignature"`
	Logs         []Log     `json:"logFiles"`

	// EndText is digestEndTime as it is written, which the signature is of. Who keeps a Digest as JSON keeps it beside.
	EndText string `json:"-"`
}

// Log is a log file that was delivered.
type Log struct {
	Bucket   string `json:"s3Bucket"`
	Object   string `json:"s3Object"`
	Hash     string `json:"hashValue"` // of the uncompressed content
	HashKind string `json:"hashAlgorithm"`
}

// Parse reads a digest file's uncompressed content. Members that are not known are passed over.
func Parse(content []byte) (*Digest, error) {
	var d Digest
	var text struct {
		End string `json:"digestEndTime"`
	}
	if err := json.Unmarshal(content, &d); err != nil {
		return nil, fmt.Errorf("parse digest: %w", err)
	}
	if err := json.Unmarshal(content, &text); err != nil {
		return nil, fmt.Errorf("parse digest: %w", err)
	}
	d.EndText = text.End
	if d.Object == "" || d.End.IsZero() {
		return nil, errors.New("parse digest: no digestS3Object or digestEndTime")
	}
	return &d, nil
}

// Is reports whether a record of CloudTrail looks like a digest file.
func Is(raw []byte) bool { return bytes.Contains(raw, []byte(`"digestS3Object"`)) }

// IsName reports whether a file is named like a digest.
func IsName(name string) bool { return strings.Contains(path.Base(name), "_CloudTrail-Digest_") }

// Chain names the succession of digests that d belongs to: those of one trail in one region. It is the object's name
// without the time; account, region and trail are in it. Backfills are a succession of their own.
func (d *Digest) Chain() string { return chainOf(d.Object) }

// backfill ends the names of digests of what the hours' own digests came too early for:
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html.
const backfill = "_backfill"

func chainOf(object string) string {
	name, late := strings.CutSuffix(strings.TrimSuffix(strings.TrimSuffix(path.Base(object), ".gz"), ".json"), backfill)
	if i := strings.LastIndexByte(name, '_'); i >= 0 {
		name = name[:i]
	}
	if late {
		name += backfill
	}
	return name
}

// Backfill reports whether the digest is one of those that come when they are needed, for whatever hour: neither a beginning
// nor a time between two of them says anything.
func (d *Digest) Backfill() bool { return strings.HasSuffix(d.Chain(), backfill) }

// Region is the region that the logs are of, "" when the key does not say it.
func (d *Digest) Region() string {
	parts := strings.Split(path.Base(d.Object), "_")
	if len(parts) < 3 {
		return ""
	}
	return parts[2]
}

// First reports whether the digest says that none was before it in its chain.
func (d *Digest) First() bool {
	return d.PrevObject == "" || d.Backfill() && chainOf(d.PrevObject) != d.Chain()
}

// Missed reports whether the digest before it should be there if the oldest that is there, of the same chain, ends at that time:
// one begins somewhere to look.
func (d *Digest) Missed(oldest time.Time) bool {
	if !d.Backfill() {
		return oldest.Before(d.End)
	}
	name := strings.TrimSuffix(path.Base(d.PrevObject), backfill+".json.gz")
	end, err := time.Parse("20060102T150405Z", name[strings.LastIndexByte(name, '_')+1:])
	return err == nil && !end.Before(oldest)
}

// signed is the text of which a digest's signature is.
func (d *Digest) signed(hash string) []byte {
	before := d.PrevSign
	if before == "" {
		before = "null"
	}
	return []byte(d.EndText + "\n" + d.Bucket + "/" + d.Object + "\n" + hash + "\n" + before)
}
