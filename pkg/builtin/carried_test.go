package builtin_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/shrike-sec/shrike/pkg/builtin"
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/formattest"
	"github.com/shrike-sec/shrike/pkg/record"
)

// outcome counts what became of an object.
type outcome struct {
	formats  map[string]int // events by format
	dead     map[string]int // by reason
	samples  []string       // of dead letters
	controls int64
	stats    format.SplitStats
}

func decode(t *testing.T, object string, in []byte) outcome {
	t.Helper()
	return decodeWith(t, format.SplitOptions{Origin: record.Origin{Object: object}}, in)
}

func decodeWith(t *testing.T, options format.SplitOptions, in []byte) outcome {
	t.Helper()
	reg := builtin.Formats()
	d := format.NewDecoder(reg)
	o := outcome{formats: map[string]int{}, dead: map[string]int{}}
	bury := func(l record.DeadLetter) error {
		o.dead[string(l.Reason)]++
		o.samples = append(o.samples, l.Detail+": "+string(l.Raw[:min(len(l.Raw), 100)]))
		return nil
	}
	stats, err := format.Split(t.Context(), bytes.NewReader(in), reg, options,
		func(r record.Record) error {
			err := d.Decode(&r, func(e *event.Event) { o.formats[e.Text(event.Format)]++ })
			var bad *format.Error
			switch {
			case errors.Is(err, format.ErrControl):
				o.controls++
			case errors.As(err, &bad):
				return bury(record.DeadLetter{Record: r, Reason: bad.Reason, Detail: bad.Detail})
			}
			return nil
		}, bury)
	if err != nil {
		t.Errorf("split %s: %v", options.Origin.Object, err)
	}
	o.stats = stats
	o.controls += stats.Controls
	return o
}

func TestFlowsInParquet(t *testing.T) {
	t.Parallel()
	type row struct {
		Version int32   `parquet:"version"`
		Src     string  `parquet:"pkt_srcaddr"`
		Dst     string  `parquet:"dstaddr"`
		Port    *int32  `parquet:"dstport,optional"`
		Start   int64   `parquet:"start"`
		Action  *string `parquet:"action,optional"`
		Status  string  `parquet:"log_status"`
	}
	port, action := int32(22), "REJECT"
	var in bytes.Buffer
	w := parquet.NewGenericWriter[row](&in)
	_, err := w.Write([]row{{5, "10.0.0.9", "10.0.0.1", &port, 1_700_000_000, &action, "OK"}, {Version: 5, Src: "-", Dst: "-", Start: 1_700_000_060, Status: "NODATA"}})
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	var got []string
	reg := builtin.Formats()
	d := format.NewDecoder(reg)
	_, err = format.Split(t.Context(), &in, reg, format.SplitOptions{}, func(r record.Record) error {
		return d.Decode(&r, func(e *event.Event) {
			p, _ := e.Int(event.DstPort)
			got = append(got, strings.Join([]string{e.Text(event.Format), string(r.Raw), r.Layout, e.Text(event.Outcome)}, "|"))
			if p != 22 && e.Text(event.LogStatus) == "OK" {
				t.Errorf("dst_port is %d", p)
			}
		})
	}, func(l record.DeadLetter) error { return errors.New(l.Detail) })
	const layout = "version pkt_srcaddr dstaddr dstport start action log_status"
	want := []string{
		"vpcflow|5 10.0.0.9 10.0.0.1 22 1700000000 REJECT OK|" + layout + "|failure",
		"vpcflow|5 - - - 1700000060 - NODATA|" + layout + "|unknown",
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// Standard logging v2 of CloudFront spells its columns with underscores in Parquet.
func TestCloudFrontInParquet(t *testing.T) {
	t.Parallel()
	type row struct {
		Date   string `parquet:"date"`
		Time   string `parquet:"time"`
		Edge   string `parquet:"x_edge_location"`
		Client string `parquet:"c_ip"`
		Host   string `parquet:"cs_host"`
		Agent  string `parquet:"cs_user_agent"`
		Status string `parquet:"sc_status"`
	}
	var in bytes.Buffer
	w := parquet.NewGenericWriter[row](&in)
	_, err := w.Write([]row{{"2026-03-01", "09:14:07", "FRA56-P1", "198.51.100.7", "d1.cloudfront.net", "curl/8%20x", "200"}})
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	reg := builtin.Formats()
	d := format.NewDecoder(reg)
	_, err = format.Split(t.Context(), &in, reg, format.SplitOptions{}, func(r record.Record) error {
		return d.Decode(&r, func(e *event.Event) {
			got := fmt.Sprint(e.Text(event.Format), " ", e.Addr(event.SrcIP), " ", e.Text(event.UserAgent), " ", e.Text(event.DistributionHost), " ", e.Text(event.Outcome), e.Unmapped)
			if want := "cloudfront 198.51.100.7 curl/8 x d1.cloudfront.net success[]"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}, func(l record.DeadLetter) error { return errors.New(l.Detail) })
	if err != nil {
		t.Error(err)
	}
}

// Flows of a transit gateway in Parquet are known by their columns' names.
func TestGatewayFlowsInParquet(t *testing.T) {
	t.Parallel()
	type row struct {
		Version  int32   `parquet:"version"`
		Resource string  `parquet:"resource_type"`
		Gateway  string  `parquet:"tgw_id"`
		Src      string  `parquet:"srcaddr"`
		Dst      string  `parquet:"dstaddr"`
		Port     int32   `parquet:"dstport"`
		Lost     *int64  `parquet:"packets_lost_blackhole,optional"`
		Start    int64   `parquet:"start"`
		Status   string  `parquet:"log_status"`
		Service  *string `parquet:"pkt_dst_aws_service,optional"`
	}
	lost := int64(3)
	var in bytes.Buffer
	w := parquet.NewGenericWriter[row](&in)
	_, err := w.Write([]row{
		{6, "TransitGateway", "tgw-0a", "10.0.0.9", "10.0.0.1", 22, &lost, 1_700_000_000, "OK", nil},
		{Version: 6, Resource: "TransitGateway", Gateway: "tgw-0a", Src: "-", Dst: "-", Start: 1_700_000_060, Status: "SKIPDATA"},
	})
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	got := decode(t, "x", in.Bytes())
	if got.formats["tgwflow"] != 2 || len(got.dead) > 0 {
		t.Errorf("got %+v, want two flows", got)
	}
}

// What Security Lake writes as Parquet is what the same records are as JSON.
func TestOCSFInParquet(t *testing.T) {
	t.Parallel()
	type user struct {
		Type *string `parquet:"type,optional"`
		UID  *string `parquet:"uid,optional"`
	}
	type row struct {
		Metadata struct {
			Version string `parquet:"version"`
			UID     string `parquet:"uid"`
			Product struct {
				Name string `parquet:"name"`
			} `parquet:"product"`
		} `parquet:"metadata"`
		Time     int64 `parquet:"time"`
		ClassUID int32 `parquet:"class_uid"`
		API      struct {
			Operation string `parquet:"operation"`
			Service   struct {
				Name string `parquet:"name"`
			} `parquet:"service"`
		} `parquet:"api"`
		Actor struct {
			User *user `parquet:"user,optional"`
		} `parquet:"actor"`
		Source struct {
			IP string `parquet:"ip"`
		} `parquet:"src_endpoint"`
		Resources []struct {
			UID string `parquet:"uid"`
		} `parquet:"resources,list"`
		Unmapped map[string]string `parquet:"unmapped"`
		StatusID int32             `parquet:"status_id"`
		Severity *int32            `parquet:"severity_id,optional"`
	}
	var r row
	uid := "arn:aws:iam::111122223333:user/ann"
	r.Metadata.Version, r.Metadata.UID, r.Metadata.Product.Name = "1.1.0", "e-1", "CloudTrail"
	r.Time, r.ClassUID, r.StatusID, r.Source.IP = 1_767_323_045_000, 6003, 1, "192.0.2.7"
	r.API.Operation, r.API.Service.Name, r.Actor.User = "StopInstances", "ec2.amazonaws.com", &user{UID: &uid}
	r.Resources = append(r.Resources, struct {
		UID string `parquet:"uid"`
	}{"arn:aws:ec2:us-east-1:111122223333:instance/i-0a"})
	r.Unmapped = map[string]string{"recipientAccountId": "111122223333"}
	var in bytes.Buffer
	w := parquet.NewGenericWriter[row](&in)
	_, err := w.Write([]row{r, r})
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	reg := builtin.Formats()
	d := format.NewDecoder(reg)
	n := 0
	_, err = format.Split(t.Context(), &in, reg, format.SplitOptions{}, func(r record.Record) error {
		return d.Decode(&r, func(e *event.Event) {
			n++
			at, _ := e.Time(event.EventTime)
			if e.Text(event.Format) != "ocsf" || e.Text(event.NativeName) != "StopInstances" || e.Text(event.ActorARN) != uid || at.Unix() != 1_767_323_045 {
				t.Errorf("got %s", e.AppendJSON(nil))
			}
		})
	}, func(l record.DeadLetter) error { return errors.New(l.Detail) })
	if err != nil || n != 2 {
		t.Errorf("%d events (%v), want 2", n, err)
	}
}

// The words of a subscription's filter pattern are a flow line's layout, for CloudWatch has no header lines.
func TestFlowsOfASubscriptionWithAPattern(t *testing.T) {
	t.Parallel()
	in := `{"messageType":"DATA_MESSAGE","logGroup":"/vpc","logStream":"eni-0a-all","logEvents":[{"id":"1","timestamp":1767323045000,` +
		`"message":"10.0.0.2 10.0.0.1 22 6 1767323045 REJECT","extractedFields":{"srcaddr":"10.0.0.2","dstaddr":"10.0.0.1","dstport":"22",` +
		`"protocol":"6","start":"1767323045","action":"REJECT"}}]}`
	got := decode(t, "x", []byte(in))
	if got.formats["vpcflow"] != 1 || len(got.dead) > 0 {
		t.Errorf("got %+v, want one flow", got)
	}
}

// A key that speaks of another format than the content does is counted and not believed; each format knows its own.
func TestContentIsBelievedBeforeTheKey(t *testing.T) {
	t.Parallel()
	const flow = "2 111122223333 eni-0a 10.0.0.1 10.0.0.2 1 2 6 1 60 1772355600 1772355660 ACCEPT OK\n"
	const balancer = "b/AWSLogs/111122223333/elasticloadbalancing/us-east-1/2026/03/01/"
	for key, of := range map[string]string{
		"b/AWSLogs/111122223333/vpcflowlogs/us-east-1/2026/03/01/x.log.gz":                                            "tgwflow vpcflow",
		"b/AWSLogs/aws-account-id=1/aws-service=vpcflowlogs/x.log.gz":                                                 "tgwflow vpcflow",
		"b/AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01/x.json.gz":                                            "cloudtrail",
		"b/AWSLogs/o-1/111122223333/CloudTrail-Insight/us-east-1/2026/x.json":                                         "cloudtrail",
		balancer + "111122223333_elasticloadbalancing_us-east-1_app.web.1a_20260301T0005Z_10.0.0.1_x.log.gz":          "alb",
		balancer + "conn_log.111122223333_elasticloadbalancing_us-east-1_app.web.1a_20260301T0005Z_10.0.0.1_x.log.gz": "albconn",
		balancer + "111122223333_elasticloadbalancing_us-east-1_net.web.1a_20260301T0005Z_x.log.gz":                   "nlb",
		balancer + "111122223333_elasticloadbalancing_us-east-1_web_20260301T0005Z_10.0.0.1_x.log":                    "clb",
		"b/AWSLogs/111122223333/vpcdnsquerylogs/vpc-1/2026/03/01/x.log.gz":                                            "route53",
		"b/AWSLogs/111122223333/WAFLogs/us-east-1/acl/2026/03/01/00/00/x.log.gz":                                      "waf",
		"b/cdn/E2EXAMPLE1AB.2026-03-01-09.a1b2c3d4.gz":                                                                "cloudfront",
		"b/AWSLogs/111122223333/CloudFront/2026/03/01/09/x.gz":                                                        "cloudfront",
		"b/cdn/e2e.2026-03-01-09.a1b2c3d4.gz":                                                                         "",
		"b/cdn/E2EXAMPLE1AB.2026-03-01-29.a1b2c3d4.gz":                                                                "",
		"b/anything.json": "",
	} {
		var knowing []string
		for _, spec := range builtin.Formats().Specs() {
			if spec.Key != nil && spec.Key(key) {
				knowing = append(knowing, spec.Name)
			}
		}
		if got := strings.Join(knowing, " "); got != of {
			t.Errorf("%s: known by %q, want %q", key, got, of)
		}
		want := int64(2)
		if of == "" || strings.Contains(of, "vpcflow") {
			want = 0
		}
		if got := decode(t, key, []byte(flow+flow)); got.formats["vpcflow"] != 2 || got.stats.Disagreements != want {
			t.Errorf("%s: got %+v, want 2 flows and %d disagreements", key, got, want)
		}
	}
}

func TestEdgeCasesOfEnvelopes(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(formattest.SharedData(t, "format-edgecases.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for line := range bytes.Lines(data) {
		var c struct {
			ID, Format, Raw string
			Expect          map[string]any
		}
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		if c.Format != "envelope" && (c.Format != "cloudtrail" || c.Expect["control"] == nil) {
			continue
		}
		ran++
		got := decode(t, c.ID, []byte(c.Raw))
		switch {
		case c.Expect["control"] == true:
			if got.controls != 1 || len(got.formats)+len(got.dead) > 0 {
				t.Errorf("%s: got %+v, want a control record", c.ID, got)
			}
		default: // one who fetches objects gets bucket and key, and others a dead letter with them
			bucket, key := c.Expect["bucket"], c.Expect["key"]
			if got.dead["notice"] != 1 || len(got.formats) > 0 || !strings.Contains(got.samples[0], fmt.Sprintf(" %v/%v,", bucket, key)) {
				t.Errorf("%s: got %+v, want a dead letter that names %v/%v", c.ID, got, bucket, key)
			}
			var notices []format.Notice
			got = decodeWith(t, format.SplitOptions{Notice: func(n format.Notice) error { notices = append(notices, n); return nil }}, []byte(c.Raw))
			if len(notices) != 1 || notices[0].Bucket != bucket || notices[0].Key != key || got.controls != 1 || len(got.formats)+len(got.dead) > 0 {
				t.Errorf("%s: got %+v of %v, want one control record that says %v/%v", c.ID, notices, got, bucket, key)
			}
		}
	}
	if ran == 0 {
		t.Error("no edge cases")
	}
}

// What services send to others, mostly no logs: nothing crashes, nothing is taken for a log that is none, what carries
// something is opened, and S3's notices are known.
func TestSharedEnvelopes(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob(filepath.Join(formattest.SharedData(t, "formats", "envelope"), "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files (%v)", err)
	}
	opened := regexp.MustCompile(`cloudwatch_?logs|cloudwatch_log\.|kinesis-(event|firehose|time)|(sns|sqs)-event|sqs_`)
	notices := regexp.MustCompile(`--s3-.*event(-with-decoded)?\.json$|sqs_s|--s3-event`)
	for _, path := range paths {
		in, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got := decode(t, path, in)
		name := filepath.Base(path)
		if len(got.formats) > 0 {
			t.Errorf("%s: events %v of what is no log", name, got.formats)
		}
		for _, s := range got.samples {
			if opened.MatchString(name) && !strings.Contains(name, "ses") && strings.ContainsAny(s, "{") &&
				regexp.MustCompile(`"(logEvents|awslogs|kinesis|recordId|Sns|receiptHandle)"`).MatchString(s) {
				t.Errorf("%s: not opened: %s", name, s)
			}
		}
		if n := got.dead["notice"]; notices.MatchString(name) && !strings.Contains(name, "object-lambda") && !strings.Contains(name, "batch") && n == 0 {
			t.Errorf("%s: no notice, but %v", name, got.dead)
		}
	}
}

func BenchmarkSplitFlows(b *testing.B) {
	line := []byte("2 111122223333 eni-0a1b2c3d4e5f60718 10.0.0.1 10.0.0.2 51234 443 6 10 8400 1772355600 1772355660 ACCEPT OK\n")
	for name, front := range map[string]struct{ head, each string }{
		"default":  {},
		"headered": {head: "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n"},
		"exported": {each: "2026-03-01T09:14:07.000Z "},
		"in pods":  {each: "2026-03-01T09:14:07.123456789Z stdout F "},
	} {
		b.Run(name, func(b *testing.B) {
			in := append([]byte(front.head), bytes.Repeat(append([]byte(front.each), line...), 20_000)...)
			reg := builtin.Formats()
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			var n int64
			for range b.N {
				stats, err := format.Split(b.Context(), bytes.NewReader(in), reg, format.SplitOptions{},
					func(record.Record) error { return nil }, func(record.DeadLetter) error { return nil })
				if err != nil {
					b.Fatal(err)
				}
				n += stats.Records
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/record")
		})
	}
}
