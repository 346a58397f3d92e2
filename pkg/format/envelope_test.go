package format_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/record"
)

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func b64(s string) string { return quote(line64(s)) }

func line64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func zstandard(s string) string {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	return string(w.EncodeAll([]byte(s), nil))
}

func TestEnvelopes(t *testing.T) {
	t.Parallel()
	events := `[{"id":"1","timestamp":1700000000000,"message":"red 1"},{"message":"{\"e\":2}","timestamp":2,"id":"2"}]`
	logs := `{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"/vpc","logStream":"eni-1","subscriptionFilters":["all"],"logEvents":` + events + `}`
	test := `{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"","subscriptionFilters":[],"logEvents":` +
		`[{"id":"","timestamp":1,"message":"CWL CONTROL MESSAGE: Checking health of destination Firehose."}]}`
	notice := `{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"a+b"}}}`
	sns := `{"Type":"Notification","MessageId":"m","TopicArn":"arn:aws:sns:r:1:t","Subject":"s","Message":` + quote(`{"Records":[{"e":1},{"e":2}]}`) + `,"Timestamp":"2026-01-01T00:00:00Z","Signature":"x"}`
	sqs := func(body string) string {
		return `{"messageId":"m","receiptHandle":"r","body":` + quote(body) + `,"attributes":{"SenderId":"x"},"messageAttributes":{},"md5OfBody":"0","eventSource":"aws:sqs","eventSourceARN":"arn","awsRegion":"r"}`
	}
	both := []string{"red 1", `{"e":2}`}
	tests := map[string]struct {
		in       string
		want     []string
		controls int64
	}{
		"logs":                   {logs, both, 0},
		"logs, other order":      {`{"logEvents":` + events + `,"logStream":"s","subscriptionFilters":["a"],"messageType":"DATA_MESSAGE"}`, both, 0},
		"logs packed for Lambda": {`{"awslogs":{"data":` + b64(zip(logs)) + `}}`, both, 0},
		"logs in gzip members":   {zip(logs) + zip(logs), append(both, both...), 0},
		"logs in zstd":           {zstandard(logs) + zstandard(logs), append(both, both...), 0},
		"logs test":              {test, []string{}, 1},
		"logs test, other order": {`{"logEvents":[{"id":"","timestamp":1,"message":"CWL CONTROL MESSAGE: Checking health"}],"messageType":"CONTROL_MESSAGE"}`, []string{}, 1},
		"logs as found":          {`{"events":[{"logStreamName":"s","timestamp":1,"message":"red 1","ingestionTime":2,"eventId":"3"}],"searchedLogStreams":[]}`, both[:1], 0},
		"no logs":                {`{"messageType":"DATA_MESSAGE","logEvents":[]}`, []string{}, 0},
		"empty log event":        {`{"logEvents":[{"id":"1","timestamp":1,"message":" \n"}]}`, []string{`{"id":"1","timestamp":1,"message":" \n"}`}, 0},
		"somebody's own log":     {`{"timestamp":1,"level":"warn","message":"red 1"}`, []string{`{"timestamp":1,"level":"warn","message":"red 1"}`}, 0},
		"Firehose to HTTP":       {`{"requestId":"i","timestamp":1,"records":[{"data":` + b64(logs) + `},{"data":` + b64("red 3\nred 3\n") + `}]}`, append(both, "red 3", "red 3"), 0},
		"Firehose packed":        {`{"requestId":"i","records":[{"data":` + b64(zip(logs)) + `},{"data":` + b64(zip(test)) + `}]}`, both, 1},
		"Firehose to Lambda":     {`{"invocationId":"i","deliveryStreamArn":"a","region":"r","records":[{"recordId":"1","approximateArrivalTimestamp":1,"data":` + b64(`{"e":1}{"e":2}`) + `,"kinesisRecordMetadata":{"shardId":"s"}}]}`, []string{`{"e":1}`, `{"e":2}`}, 0},
		"Firehose without line":  {`{"message":"red 1"}{"message":"red 2"}`, []string{"red 1", "red 2"}, 0},
		"not base64":             {`{"records":[{"data":"red 1"}]}`, []string{`{"data":"red 1"}`}, 0},
		"data of somebody":       {`{"data":"cmVk"}`, []string{`{"data":"cmVk"}`}, 0},
		"Kinesis to Lambda":      {`{"Records":[{"kinesis":{"partitionKey":"p","data":` + b64(zip(logs)) + `},"eventSource":"aws:kinesis","eventID":"i","eventVersion":"1.0","eventName":"aws:kinesis:record"}]}`, both, 0},
		"Kinesis":                {`{"Records":[{"SequenceNumber":"1","ApproximateArrivalTimestamp":1,"Data":` + b64("red 1") + `,"PartitionKey":"p"}],"NextShardIterator":"x"}`, both[:1], 0},
		"Pub/Sub":                {`{"message":{"data":` + b64(`{"e":1}`) + `,"messageId":"1"},"subscription":"s"}`, []string{`{"e":1}`}, 0},
		"Pub/Sub pulled":         {`{"receivedMessages":[{"ackId":"a","message":{"data":` + b64(`{"e":1}`) + `,"messageId":"1"},"deliveryAttempt":1}]}`, []string{`{"e":1}`}, 0},
		"Pub/Sub by gcloud":      {`[{"ackId":"a","message":{"attributes":{"k":"v"},"data":` + b64(`{"e":1}`) + `,"messageId":"1","publishTime":"t"}}]`, []string{`{"e":1}`}, 0},
		"base64 of gzip":         {line64(zip(logs)) + "\r\n" + line64(zip(logs)) + "\n" + line64(zip(test)), append(both, both...), 1},
		"base64 of gzip in SQS":  {`{"Messages":[{"MessageId":"1","ReceiptHandle":"r","MD5OfBody":"0","Body":` + b64(zip(logs)) + `}]}`, both, 0},
		"nearly base64 of gzip":  {"H4sI red 8\nH4sIred9", []string{"H4sI red 8", "H4sIred9"}, 0},
		"Azure's answer":         {`{"value":[{"e":1},{"e":2}],"nextLink":"x"}`, []string{`{"e":1}`, `{"e":2}`}, 0},
		"Google's answer":        {`{"entries":[{"e":1},{"e":2}],"nextPageToken":"x"}`, []string{`{"e":1}`, `{"e":2}`}, 0},
		"values of somebody":     {`{"name":"n","value":[{"e":1}]}`, []string{`{"name":"n","value":[{"e":1}]}`}, 0},
		"LookupEvents":           {`{"Events":[{"EventId":"1","EventName":"n","ReadOnly":"true","EventTime":1.5,"Resources":[{"x":1}],"CloudTrailEvent":` + quote(`{"e":1}`) + `}],"NextToken":"t"}`, []string{`{"e":1}`}, 0},
		"one looked-up event":    {`{"EventId":"1","CloudTrailEvent":` + quote(`{"e":1}`) + `}`, []string{`{"e":1}`}, 0},
		"SNS":                    {sns, []string{`{"e":1}`, `{"e":2}`}, 0},
		"SNS to Lambda":          {`{"Records":[{"EventSource":"aws:sns","EventVersion":"1.0","EventSubscriptionArn":"a","Sns":` + sns + `}]}`, []string{`{"e":1}`, `{"e":2}`}, 0},
		"SNS to SQS to Lambda":   {`{"Records":[` + sqs(sns) + `,` + sqs("red 7") + `]}`, []string{`{"e":1}`, `{"e":2}`, "red 7"}, 0},
		"SQS":                    {`{"Messages":[{"MessageId":"1","ReceiptHandle":"r","MD5OfBody":"0","Body":` + quote(sns) + `}]}`, []string{`{"e":1}`, `{"e":2}`}, 0},
		"S3 to SQS":              {`{"Records":[` + sqs(`{"Records":[`+notice+`]}`) + `]}`, []string{"notice!" + notice}, 0},
		"S3 to EventBridge":      {`{"version":"0","detail-type":"Object Created","source":"aws.s3","detail":{"bucket":{"name":"b"}}}`, []string{`notice!{"version":"0","detail-type":"Object Created","source":"aws.s3","detail":{"bucket":{"name":"b"}}}`}, 0},
		"trail by EventBridge":   {`{"detail-type":"AWS API Call via CloudTrail","source":"aws.s3","detail":{}}`, []string{`{"detail-type":"AWS API Call via CloudTrail","source":"aws.s3","detail":{}}`}, 0},
		"S3 test":                {`{"Records":[` + sqs(`{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}`) + `]}`, []string{}, 1},
		"logs as got": {`{"events":[{"timestamp":1,"message":"red 1","ingestionTime":2},{"timestamp":1,"message":"{\"e\":2}","ingestionTime":2}],` +
			`"nextForwardToken":"f/1","nextBackwardToken":"b/1"}`, both, 0},
		"logs as found, pretty":  {"{\n    \"events\": [\n        {\n            \"logStreamName\": \"s\",\n            \"timestamp\": 1,\n            \"message\": \"red 1\",\n            \"ingestionTime\": 2,\n            \"eventId\": \"3\"\n        }\n    ],\n    \"searchedLogStreams\": []\n}\n", both[:1], 0},
		"cut short inside":       {`{"id":"1","timestamp":1,"message":"{\"e\":"}`, []string{`truncated!{"e":`}, 0},
		"cut gzip inside":        {`{"awslogs":{"data":` + b64(zip("red 1\nred 2\n")[:14]) + `}}`, []string{`truncated!red`}, 0},
		"longer than what it is": {`{"records":[{"data":` + b64(strings.Repeat("red line\n", 19)) + `}]}`, strings.Split(strings.TrimSpace(strings.Repeat("red line\n", 19)), "\n"), 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := format.SplitOptions{MaxRecord: 3000}
			if strings.HasPrefix(name, "longer") {
				o.MaxRecord = 200
			}
			got, stats := split(t, strings.NewReader(tc.in), o)
			if diff := cmp.Diff(tc.want, raws(got)); diff != "" || stats.Controls != tc.controls {
				t.Errorf("split %s: %d controls, want %d (-want +got):\n%s", tc.in, stats.Controls, tc.controls, diff)
			}
			sameInPieces(t, tc.in, o, got)
			if tc.controls == 0 && tc.in[0] == '{' { // what is packed, and control messages in it, cannot be seen from outside
				account(t, tc.in, got)
			}
		})
	}
}

func TestOriginsInEnvelopes(t *testing.T) {
	t.Parallel()
	logs := `{"logGroup":"/g","logStream":"s","logEvents":[{"id":"1","timestamp":1,"message":"red 1"}, {"id":"2","timestamp":1,"message":"red 2\nred 2"}]}`
	in := "red 0\n" + logs + "\n{\"awslogs\":{\"data\":" + b64(zip(logs)) + "}}\nred 3\n"
	packed := int64(strings.Index(in, `{"awslogs`))
	second := int64(strings.Index(logs, `{"id":"2"`))
	first := int64(strings.Index(logs, `{"id":"1"`))
	inner := fmt.Sprintf("@%d#/g:s", packed)
	want := []piece{
		{Raw: "red 0", Format: "colours", Line: 1, Size: 5},
		{Raw: "red 1", Format: "colours", Object: "#/g:s", Offset: 6 + first, Line: 1, Size: 5},
		{Raw: "red 2", Format: "colours", Object: "#/g:s", Offset: 6 + second, Line: 2, Size: 5},
		{Raw: "red 2", Format: "colours", Object: "#/g:s", Offset: 6 + second + 6, Line: 2, Size: 5},
		{Raw: "red 1", Format: "colours", Object: inner, Offset: first, Line: 1, Size: 5},
		{Raw: "red 2", Format: "colours", Object: inner, Offset: second, Line: 2, Size: 5},
		{Raw: "red 2", Format: "colours", Object: inner, Offset: second + 6, Line: 2, Size: 5},
		{Raw: "red 3", Format: "colours", Offset: int64(len(in)) - 6, Line: 4, Size: 5},
	}
	got, _ := split(t, strings.NewReader(in), format.SplitOptions{})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// CloudWatch's own names of a line's words are its layout when they are believable.
func TestLayoutOfExtractedFields(t *testing.T) {
	t.Parallel()
	line := func(message, fields string) string {
		return `{"id":"1","timestamp":1,"message":` + quote(message) + `,"extractedFields":` + fields + `}`
	}
	for in, want := range map[string]string{
		line("1 2", `{"#cols a":"1","b":"2"}`):        "#cols a b",
		line("1  2 ", `{"#cols a":"1","b":"2"}`):      "#cols a b",
		line("1 2", `{"b":"2","#cols a":"1"}`):        "",
		line("1 2 3", `{"#cols a":"1","b":"2"}`):      "",
		line("12", `{"#cols a":"1","b":"2"}`):         "",
		line("1 2", `{"a":"1","b":"2"}`):              "",
		line(`{"e":1}`, `{"$.e":"1"}`):                "",
		line("1 2", `{"#cols a":"1","b":{"c":"2"}}`):  "",
		line("1 2", `{"#cols a":"1","b":"2","c":""}`): "",
	} {
		got, _ := split(t, strings.NewReader(in+"\n3 4\n"), format.SplitOptions{})
		if len(got) != 2 || "#cols "+got[0].Layout != want && got[0].Layout+want != "" || got[1].Layout != "" {
			t.Errorf("split %s: got %+v, want layout %q of the first alone", in, got, want)
		}
	}
}

// wrapped draws a document and the records that are in it, envelopes in envelopes.
func wrapped(t *rapid.T, depth int) (doc string, records []string) {
	kind := rapid.IntRange(0, 9).Draw(t, "kind")
	if depth == 0 {
		kind = min(kind, 2)
	}
	if kind < 3 {
		for range rapid.IntRange(1, 3).Draw(t, "n") {
			r := rapid.SampledFrom([]string{`{"e":1}`, `{"e":"\"\\é"}`, "red 5\n", "a\x01\x7f€ b\n", `{"a":[{"Records":1}]}`}).Draw(t, "r")
			doc += r
			records = append(records, strings.TrimSuffix(r, "\n"))
			if r[len(r)-1] != '\n' {
				doc += rapid.SampledFrom([]string{"\n", "", " "}).Draw(t, "between")
			}
		}
		return doc, records
	}
	in, records := wrapped(t, depth-1)
	if rapid.Bool().Draw(t, "pack") {
		in = zip(in[:len(in)/2], in[len(in)/2:])
	}
	packed := in[0] == 0x1f
	switch {
	case kind == 3:
		return `{"awslogs":{"data":` + b64(in) + "}}\n", records
	case kind == 4:
		return `{"requestId":"x","records":[{"data":` + b64(in) + `}],"timestamp":1}`, records
	case kind == 5 || packed:
		more, others := wrapped(t, 0)
		return `{"Records":[{"kinesis":{"data":` + b64(in) + `},"eventSource":"aws:kinesis"},{"message":` + quote(more) + `}]}`, append(records, others...)
	case kind == 6:
		return `{"Type":"Notification","Message":` + quote(in) + `}`, records
	case kind == 7:
		return `{"Records":[{"messageId":"1","receiptHandle":"x","body":` + quote(in) + `}]}`, records
	}
	return `{"logGroup":"g","logEvents":[{"id":"1","timestamp":1,"message":` + quote(in) + `}],"logStream":"s"}`, records
}

// What is wrapped comes out again, each byte of it and nothing else, with an address of its own.
func TestWrappedRecordsComeOut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		doc, want := wrapped(rt, 3)
		got, stats := split(t, strings.NewReader(doc), format.SplitOptions{})
		if diff := cmp.Diff(want, raws(got)); diff != "" || stats.Controls != 0 {
			rt.Fatalf("split %s (-want +got):\n%s", doc, diff)
		}
		seen := map[string]bool{}
		for _, p := range got {
			if at := fmt.Sprintf("%s %d %s", p.Object, p.Offset, p.Raw); seen[at] {
				rt.Fatalf("split %s: two records at %s", doc, at)
			} else {
				seen[at] = true
			}
		}
	})
}

func TestEnvelopesAreBoundedInDepthAndSize(t *testing.T) {
	t.Parallel()
	deep := "red 1"
	for range 8 {
		deep = `{"message":` + quote(deep) + `}`
	}
	if got, _ := split(t, strings.NewReader(deep), format.SplitOptions{}); len(got) != 1 || !strings.HasPrefix(got[0].Raw, `{"message":`) {
		t.Errorf("eight envelopes: got %+v, want what is in the fifth as a record", got)
	}
	bomb := `{"awslogs":{"data":` + b64(zip(strings.Repeat("red\n", 150_000))) + `}}` // each is under the limit, both together are not
	_, err := format.Split(t.Context(), strings.NewReader(bomb+bomb), registry(), format.SplitOptions{MaxBytes: 1 << 20},
		func(record.Record) error { return nil }, func(record.DeadLetter) error { return nil })
	if !errors.Is(err, format.ErrTooLarge) {
		t.Errorf("twice 600 kB packed, with a limit of 1 MB: got %v", err)
	}
}

func BenchmarkSplitEnvelopes(b *testing.B) {
	var events []string
	for i := range 2000 {
		events = append(events, fmt.Sprintf(`{"id":"%d","timestamp":1700000000000,"message":"red 10.0.0.1 10.0.0.2 443 51234 6 10 8400 1700000000 1700000060 ACCEPT OK"}`, i))
	}
	in := `{"messageType":"DATA_MESSAGE","logGroup":"g","logStream":"s","logEvents":[` + strings.Join(events, ",") + `]}`
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	var n int64
	for range b.N {
		stats, err := format.Split(b.Context(), strings.NewReader(in), registry(), format.SplitOptions{},
			func(record.Record) error { return nil }, func(record.DeadLetter) error { return nil })
		if err != nil {
			b.Fatal(err)
		}
		n += stats.Records
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "records/s")
}

func TestSplitSaysWhichElementWasLast(t *testing.T) {
	t.Parallel()
	in := `{"owner":"x","logEvents":[{"id":"1","timestamp":1,"message":"red 1"},{"e":2},{"e":3},{"e":`
	got, stats := split(t, strings.NewReader(in), format.SplitOptions{More: true})
	if !stats.InList || stats.Element != 3 || len(got) != 3 {
		t.Fatalf("got %d records and %+v, want three elements and a place in the list", len(got), stats)
	}
	o := format.SplitOptions{Origin: record.Origin{Offset: stats.Bytes, Line: stats.Element}}
	got, _ = split(t, strings.NewReader(in[stats.Bytes:]+`4}],"logGroup":"g"}`), o)
	if len(got) != 1 || got[0].Line != 4 || got[0].Raw != `{"e":4}` {
		t.Errorf("taken up again: got %+v, want the fourth element", got)
	}
}
