package format_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/record"
)

// What S3 tells reaches the one who fetches objects, whatever it came in; without the first case in notice it
// is a dead letter.
func TestNotices(t *testing.T) {
	t.Parallel()
	const put = `{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectCreated:Put","eventTime":"2026-03-01T00:00:00.000Z",` +
		`"s3":{"bucket":{"name":"logs"},"object":{"key":"a%2Bb+c%3D%C3%A9.gz","size":7,"eTag":"e","versionId":"v","sequencer":"0A"}}}`
	const bridged = `{"version":"0","id":"i","detail-type":"Object Created","source":"aws.s3","detail":{"version":"0","bucket":{"name":"logs"},` +
		`"object":{"key":"a+b%3D.gz","size":7,"etag":"e","version-id":"v","sequencer":"0A"},"reason":"PutObject"}}`
	own := format.Notice{Bucket: "logs", Key: "a+b c=é.gz", Event: "ObjectCreated:Put", Version: "v", Sequencer: "0A", Size: 7}
	other := format.Notice{Bucket: "logs", Key: "a+b%3D.gz", Event: "Object Created", Version: "v", Sequencer: "0A", Size: 7}
	quoted := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"` }
	for name, tc := range map[string]struct {
		in   string
		want []format.Notice
		dead int
	}{
		"in its document": {`{"Records":[` + put + `,` + put + `]}`, []format.Notice{own, own}, 0},
		"alone":           {put, []format.Notice{own}, 0},
		"through the hub": {`{"Type":"Notification","MessageId":"m","TopicArn":"t","Message":` + quoted(`{"Records":[`+put+`]}`) + `,"Timestamp":"x"}`, []format.Notice{own}, 0},
		"CloudTrail's": {`{"Type":"Notification","MessageId":"m","TopicArn":"t","Message":` + quoted(`{"s3Bucket":"logs","s3ObjectKey":["a%3D","b"]}`) + `,"Timestamp":"x"}`,
			[]format.Notice{{Bucket: "logs", Key: "a%3D", Event: "CloudTrail"}, {Bucket: "logs", Key: "b", Event: "CloudTrail"}}, 0},
		"from EventBridge": {bridged, []format.Notice{other}, 0},
		"without a key":    {`{"Records":[{"eventSource":"aws:s3","s3":{"bucket":{"name":"b"}}}]}`, nil, 1},
		"badly encoded":    {strings.Replace(put, "%3D", "%3", 1), nil, 1},
		"of another kind":  {strings.Replace(put, `"key":"`, `"key":9,"x":"`, 1), nil, 1},
	} {
		var got []format.Notice
		dead := 0
		o := format.SplitOptions{Notice: func(n format.Notice) error { got = append(got, n); return nil }}
		stats, err := format.Split(t.Context(), strings.NewReader(tc.in), format.NewRegistry(nil), o,
			func(r record.Record) error { t.Errorf("%s: record %s", name, r.Raw); return nil },
			func(d record.DeadLetter) error {
				dead++
				if d.Reason != record.ReasonNotice {
					t.Errorf("%s: %s: %s", name, d.Reason, d.Detail)
				}
				return nil
			})
		if diff := cmp.Diff(tc.want, got); diff != "" || err != nil || dead != tc.dead || stats.Controls != int64(len(tc.want)) {
			t.Errorf("%s: %d dead letters, %d control records, %v (-want +got):\n%s", name, dead, stats.Controls, err, diff)
		}
	}
	stop := errors.New("the queue is closed")
	_, err := format.Split(t.Context(), strings.NewReader(put), format.NewRegistry(nil), format.SplitOptions{Notice: func(format.Notice) error { return stop }},
		func(record.Record) error { return nil }, func(record.DeadLetter) error { return nil })
	if !errors.Is(err, stop) {
		t.Errorf("got %v, want the caller's error", err)
	}
}
