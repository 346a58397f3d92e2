package cloudtrail

import (
	"bytes"
	"strings"

	"github.com/shrike-sec/shrike/pkg/format"
)

// sniff recognises a record by its first bytes, as trails write it, or by the names of its members in any order.
func sniff(raw []byte) int {
	if len(raw) == 0 || raw[0] != '{' {
		return 0
	}
	if bytes.HasPrefix(raw, []byte(`{"eventVersion":"1.`)) {
		return 100
	}
	seen := 0
	for c := format.NewCursor(raw); c.Next(); {
		switch string(c.Key) {
		case "eventSource":
			if !c.Take() || bytes.HasPrefix(c.Value, []byte(`"aws:`)) { // of Lambda's events; S3's notices are Split's
				return 0
			}
			seen += 2
		case "eventName", "userIdentity", "eventTime", "awsRegion", "sourceIPAddress", "recipientAccountId", "eventVersion":
			seen++
		case "eventCategory":
			if c.Take() && (string(c.Value) == `"Insight"` || string(c.Value) == `"Aggregated"`) {
				return 95
			}
		case "digestS3Object":
			return 95
		case "detail-type":
			if c.Take() && bytes.HasSuffix(c.Value, []byte(` via CloudTrail"`)) {
				return 95
			}
		}
		if seen >= 4 {
			return 90
		}
	}
	return 0
}

// isKey knows the folders of trails, digests and insights.
func isKey(object string) bool {
	return strings.Contains(object, "/CloudTrail/") || strings.Contains(object, "/CloudTrail-")
}
