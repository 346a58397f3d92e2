package builtin_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shrike-sec/shrike/pkg/builtin"
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/record"
)

// A record of CloudTrail is the same event, byte for byte and by its id, whatever it came in: what was both delivered and
// exported counts once. Only what prints JSON anew changes its bytes.
func TestRecordsAreTheSameWhateverTheyComeIn(t *testing.T) {
	t.Parallel()
	reg := builtin.Formats()
	events := func(in []byte) (ids []event.UID, raws []string) {
		d := format.NewDecoder(reg)
		_, err := format.Split(t.Context(), bytes.NewReader(in), reg, format.SplitOptions{}, func(r record.Record) error {
			_ = d.Decode(&r, func(e *event.Event) { // what is no event is the golden cases' matter
				if e.Text(event.Format) == "cloudtrail" {
					ids, raws = append(ids, e.UID), append(raws, string(r.Raw))
				}
			})
			return nil
		}, func(record.DeadLetter) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		return ids, raws
	}
	const raw = `{"eventVersion":"1.11","userIdentity":{"type":"AWSService","invokedBy":"ec2.amazonaws.com"},"eventTime":"2026-03-01T09:14:07Z",` +
		`"eventSource":"sts.amazonaws.com","eventName":"AssumeRole","awsRegion":"eu-central-1","sourceIPAddress":"ec2.amazonaws.com",` +
		`"userAgent":"ec2.amazonaws.com","eventID":"0a1b2c3d-0000-4000-8000-000000000001","readOnly":true,"eventType":"AwsApiCall",` +
		`"managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management"}`
	want, _ := events([]byte(`{"Records":[` + raw + `]}`))
	for name := range strings.FieldsSeq("docker_json_file kubernetes_container_log cloudwatch_export cloudwatch_tail cloudwatch_answers insights_answer " +
		"insights_console insights_table base64_of_gzip lake_answer lake_table lists_of_strings") {
		in, err := os.ReadFile(filepath.Join("testdata", name, "input"))
		if err != nil {
			t.Fatal(err)
		}
		ids, raws := events(in)
		if len(ids) == 0 {
			t.Errorf("%s: no event", name)
		}
		for i, id := range ids {
			anew := strings.Contains(raws[i], `": "`) // with a blank behind the colon
			if id != want[0] || raws[i] != raw && !anew {
				t.Errorf("%s: event %x of %s", name, id, raws[i])
			}
		}
	}
}
