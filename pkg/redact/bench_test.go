package redact_test

import (
	"strings"
	"testing"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/redact"
)

var apiRecord = `{"eventVersion":"1.09","userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLE:deploy","arn":"arn:aws:sts::111122223333:assumed-role/deploy/ci@example.com","accountId":"111122223333","accessKeyId":"ASIAEXAMPLE","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLE","arn":"arn:aws:iam::111122223333:role/deploy","accountId":"111122223333","userName":"deploy"},"attributes":{"creationDate":"2026-01-02T03:00:00Z","mfaAuthenticated":"false"}}},"eventTime":"2026-01-02T03:04:05Z","eventSource":"s3.amazonaws.com","eventName":"PutBucketTagging","awsRegion":"eu-west-1","sourceIPAddress":"198.51.100.7","userAgent":"aws-sdk-go-v2/1.30.3 os/linux lang/go#1.26 md/GOOS#linux md/GOARCH#arm64 api/s3#1.58.2","requestParameters":{"bucketName":"reports","tagging":"","Host":"reports.s3.eu-west-1.amazonaws.com"},"responseElements":null,"additionalEventData":{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":250,"AuthenticationMethod":"AuthHeader","x-amz-id-2":"` + strings.Repeat("aB3/", 16) + `","bytesTransferredOut":0},"requestID":"EXAMPLE123456789","eventID":"11111111-2222-3333-4444-555555555555","readOnly":false,"managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management"}`

const flowRecord = "2 111122223333 eni-0123456789abcdef0 10.0.1.5 198.51.100.9 49152 443 6 10 8400 1767323045 1767323105 ACCEPT OK"

const webRecord = `198.51.100.7 - - [02/Jan/2026:03:04:05 +0000] "GET /search?q=shoes&page=2&sort=price&ref=home HTTP/1.1" 200 5123 "https://www.example.com/" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36"`

func eventOf(raw string) *event.Event {
	e := &event.Event{}
	e.Reset(event.API, &record.Record{Raw: []byte(raw)})
	return e
}

// What every record pays for that holds no secret, in bytes a second.
func BenchmarkNothing(b *testing.B) {
	for name, raw := range map[string]string{"api": apiRecord, "flow": flowRecord, "http": webRecord} {
		b.Run(name, func(b *testing.B) {
			r, e := redact.New(redact.Default()), eventOf(raw)
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if r.Event(e) {
					b.Fatal("something was cut")
				}
			}
		})
	}
}

func BenchmarkSomething(b *testing.B) {
	raw := strings.Replace(apiRecord, `"responseElements":null`, `"responseElements":{"credentials":{"sessionToken":"abcdefghijkl"}}`, 1)
	r := redact.New(redact.Default())
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if !r.Event(eventOf(raw)) {
			b.Fatal("nothing was cut")
		}
	}
}

func TestNothingIsFree(t *testing.T) {
	for _, raw := range []string{apiRecord, flowRecord, webRecord} {
		r, e := redact.New(redact.Default()), eventOf(raw)
		if n := testing.AllocsPerRun(50, func() { r.Event(e) }); n > 0 {
			t.Errorf("%.0f allocations for a record without secrets: %s", n, raw)
		}
	}
}
