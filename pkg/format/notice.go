package format

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strconv"

	"github.com/shrike-sec/shrike/pkg/record"
)

// Notice is what S3 tells of one object, itself (also through SNS and SQS) or through EventBridge.
type Notice struct {
	Bucket    string
	Key       string // as the object is named: what S3 encodes in its own notices, and EventBridge does not, is decoded
	Event     string // "ObjectCreated:Put", "Object Created" …
	Version   string // "" in buckets without versions
	Sequencer string // orders the events of one key, compared as hexadecimal numbers
	Size      int64  // bytes; 0 also where it is not said
}

// s3Object is an object in both kinds of notices, which spell some members differently.
type s3Object struct {
	Key           string `json:"key"`
	Size          int64  `json:"size"`
	Sequencer     string `json:"sequencer"`
	Version       string `json:"versionId"`
	BridgeVersion string `json:"version-id"`
}

type s3Place struct {
	Bucket struct {
		Name string `json:"name"`
	} `json:"bucket"`
	Object s3Object `json:"object"`
}

// ParseNotice reads an element of the Records that S3 sends, or an event of S3 from EventBridge; ok is false for all
// else and for a notice that names no object.
//
// S3's own notices have the key encoded as in a form (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html),
// EventBridge's have it as it is (https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html).
func ParseNotice(raw []byte) (n Notice, ok bool) {
	if !isNotice(raw) {
		return Notice{}, false
	}
	var all struct {
		EventName  string  `json:"eventName"`
		S3         s3Place `json:"s3"`
		DetailType string  `json:"detail-type"`
		Detail     s3Place `json:"detail"`
	}
	if json.Unmarshal(raw, &all) != nil {
		return Notice{}, false
	}
	at := &all.S3
	if bridged := all.Detail.Object.Key != ""; bridged {
		at, n.Event, n.Key, n.Version = &all.Detail, all.DetailType, all.Detail.Object.Key, all.Detail.Object.BridgeVersion
	} else {
		n.Event, n.Version = all.EventName, at.Object.Version
		key, err := url.QueryUnescape(at.Object.Key)
		if err != nil {
			return Notice{}, false
		}
		n.Key = key
	}
	n.Bucket, n.Size, n.Sequencer = at.Bucket.Name, at.Object.Size, at.Object.Sequencer
	return n, n.Bucket != "" && n.Key != ""
}

// trailNotices reads what CloudTrail itself tells of the objects that it has written, through SNS; none for all else:
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/configure-sns-notifications-for-cloudtrail.html.
func trailNotices(raw []byte) (notices []Notice) {
	if !isTrailNotice(raw) {
		return nil
	}
	var all struct {
		Bucket string   `json:"s3Bucket"`
		Keys   []string `json:"s3ObjectKey"`
	}
	if json.Unmarshal(raw, &all) != nil || all.Bucket == "" {
		return nil
	}
	for _, key := range all.Keys {
		notices = append(notices, Notice{Bucket: all.Bucket, Key: key, Event: "CloudTrail"})
	}
	return notices
}

func isTrailNotice(raw []byte) bool {
	if !bytes.Contains(raw, []byte(`"s3ObjectKey"`)) {
		return false
	}
	known := 0
	for c := NewCursor(raw); c.Next(); {
		if string(c.Key) == "s3Bucket" || string(c.Key) == "s3ObjectKey" {
			known++
		}
	}
	return known == 2
}

// notice deals with a notice: it is for the caller that fetches objects, else a dead letter that names the object.
func (s *splitter) notice(raw []byte) (err error) {
	if all := trailNotices(raw); len(all) > 0 {
		return s.trailNotice(raw, all)
	}
	n, ok := ParseNotice(raw)
	switch {
	case ok && s.o.Notice != nil:
		s.stats.Controls++
		return s.o.Notice(n)
	case ok:
		return s.bury(raw, record.ReasonNotice, "a notice of S3 about the object "+n.Bucket+"/"+n.Key+", not the object's records")
	}
	return s.bury(raw, record.ReasonNotice, "a notice of S3 about an object, not the object's records")
}

func (s *splitter) trailNotice(raw []byte, all []Notice) error {
	if s.o.Notice == nil {
		what := "a notice of CloudTrail about the object "
		if len(all) > 1 {
			what = "a notice of CloudTrail about " + strconv.Itoa(len(all)) + " objects, first "
		}
		return s.bury(raw, record.ReasonNotice, what+all[0].Bucket+"/"+all[0].Key+", not its records")
	}
	for _, n := range all {
		s.stats.Controls++
		if err := s.o.Notice(n); err != nil {
			return err
		}
	}
	return nil
}

// isNotice recognises the notices that S3 sends about objects, itself or through EventBridge, and CloudTrail, where log records
// were expected.
func isNotice(raw []byte) bool {
	if isTrailNotice(raw) {
		return true
	}
	if !bytes.Contains(raw, []byte(`"aws:s3"`)) && !bytes.Contains(raw, []byte(`"aws.s3"`)) {
		return false
	}
	bridge := 0
	for c := NewCursor(raw); c.Next(); {
		switch string(c.Key) {
		case "eventSource":
			if c.Take() && string(c.Value) == `"aws:s3"` {
				return true
			}
		case "source":
			if c.Take() && string(c.Value) == `"aws.s3"` {
				bridge++
			}
		case "detail-type": // its others hold CloudTrail's records
			if c.Take() && bytes.HasPrefix(c.Value, []byte(`"Object `)) {
				bridge++
			}
		}
	}
	return bridge == 2
}

// trailTest is what CloudTrail sends to a topic of SNS to see that it may.
const trailTest = "CloudTrail validation message."

// writeTest is what CloudWatch Logs writes into the object aws-logs-write-test before it exports to a bucket.
const writeTest = "Permission Check Successful"

// isTestEvent recognises what S3 sends to see whether its notices arrive.
func isTestEvent(raw []byte) bool {
	if !bytes.Contains(raw, []byte(`"s3:TestEvent"`)) {
		return false
	}
	for c := NewCursor(raw); c.Next(); {
		if string(c.Key) == "Event" {
			return c.Take() && string(c.Value) == `"s3:TestEvent"`
		}
	}
	return false
}

// isSignFile recognises what CloudTrail Lake lays beside the results of a query, with their hashes:
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-query-results-validation.html
func isSignFile(raw []byte) bool {
	if !bytes.Contains(raw, []byte(`"hashSignature"`)) {
		return false
	}
	known := 0
	for c := NewCursor(raw); c.Next(); {
		switch string(c.Key) {
		case "files", "hashAlgorithm", "signatureAlgorithm", "hashSignature", "publicKeyFingerprint", "queryCompleteTime":
			known++
		}
	}
	return known == 6
}
