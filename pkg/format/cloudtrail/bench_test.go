package cloudtrail_test

import (
	"encoding/json"
	"hash/fnv"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fastjson"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format/cloudtrail"
	"github.com/shrike-sec/shrike/pkg/record"
)

// sample is one record of about 1.3 kB, the median of a real trail.
func sample(i int) []byte {
	n := strconv.Itoa(1_000_000 + i)
	return []byte(`{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","principalId":"AROAQ7XKMPLEROLE0001:worker-` + n +
		`","arn":"arn:aws:sts::210987654321:assumed-role/batch-worker/worker-` + n + `","accountId":"210987654321","accessKeyId":"ASIAQ7XKM` + n +
		`","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAQ7XKMPLEROLE0001","arn":"arn:aws:iam::210987654321:role/batch-worker","accountId":"210987654321","userName":"batch-worker"},` +
		`"webIdFederationData":{},"attributes":{"creationDate":"2026-03-04T04:00:00Z","mfaAuthenticated":"false"}}},` +
		`"eventTime":"2026-03-04T05:06:07Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"eu-central-1","sourceIPAddress":"198.51.100.23",` +
		`"userAgent":"aws-sdk-go/1.55.5","requestParameters":{"bucketName":"nightly-exports","key":"2026/03/04/part-` + n +
		`.parquet"},"responseElements":null,"additionalEventData":{"SignatureVersion":"SigV4","bytesTransferredIn":0.0,` +
		`"bytesTransferredOut":` + n + `.0},"requestID":"4442587FB7D0A2F9","eventID":"c5ff1a52-0000-4444-9999-` + n +
		`","readOnly":true,"resources":[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::nightly-exports/2026/03/04/part-` + n +
		`.parquet"},{"type":"AWS::S3::Bucket"}],"eventType":"AwsApiCall","managementEvent":false,` +
		`"recipientAccountId":"210987654321","eventCategory":"Data","tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"s3.eu-central-1.amazonaws.com"}}`)
}

// sum reads every typed field of the event and everything inside its JSON values.
func sum(e *event.Event) uint64 {
	var total uint64
	for _, f := range event.Fields() {
		if f.Meta || !e.Has(f) {
			continue
		}
		switch f.Type {
		case event.TypeText:
			total += hash(f.Name, e.Text(f.TextField()))
		case event.TypeInt:
			v, _ := e.Int(f.IntField())
			total += hash(f.Name, strconv.FormatInt(v, 10))
		case event.TypeBool:
			v, _ := e.Bool(f.BoolField())
			total += hash(f.Name, strconv.FormatBool(v))
		case event.TypeAddr:
			total += hash(f.Name, e.Addr(f.AddrField()).String())
		case event.TypeTime:
			total += hash(f.Name, strconv.FormatInt(e.UnixNano(f.TimeField()), 10))
		case event.TypeList:
			for _, s := range e.List(f.ListField()) {
				total += hash(f.Name, s)
			}
		case event.TypeObject:
			o := e.Object(f.ObjectField())
			total += leaves(f.Name, o.Value)
		case event.TypeFloat:
			panic("BUG: class api has no floats")
		}
	}
	for _, p := range e.Unmapped {
		total += hash("unmapped."+p.Key, p.Value)
	}
	return total
}

func leaves(path string, v *fastjson.Value) uint64 {
	switch v.Type() {
	case fastjson.TypeObject:
		var total uint64
		v.GetObject().Visit(func(key []byte, member *fastjson.Value) { total += leaves(path+"."+string(key), member) })
		return total
	case fastjson.TypeArray:
		var total uint64
		for _, item := range v.GetArray() {
			total += leaves(path, item)
		}
		return total
	case fastjson.TypeString:
		return hash(path, string(v.GetStringBytes()))
	case fastjson.TypeNumber:
		return hash(path, strconv.FormatFloat(v.GetFloat64(), 'g', -1, 64))
	case fastjson.TypeTrue, fastjson.TypeFalse, fastjson.TypeNull:
	}
	return hash(path, v.String())
}

func hash(name, value string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name + "=" + value))
	return h.Sum64()
}

// trail is the record as encoding/json reads it.
type trail struct {
	EventVersion, EventTime, EventSource, EventName, AWSRegion, SourceIPAddress, UserAgent, RequestID, EventID, EventType string
	RecipientAccountID, EventCategory                                                                                     string
	ReadOnly, ManagementEvent                                                                                             bool
	RequestParameters, ResponseElements, AdditionalEventData                                                              map[string]any
	Resources                                                                                                             []struct{ ARN, Type string }
	TLSDetails                                                                                                            struct{ TLSVersion, CipherSuite, ClientProvidedHostHeader string }
	UserIdentity                                                                                                          struct {
		Type, PrincipalID, ARN, AccountID, AccessKeyID string
		SessionContext                                 struct {
			SessionIssuer struct{ ARN, UserName string }
			Attributes    struct{ CreationDate, MFAAuthenticated string }
		}
	}
}

// wantSum works out the same sum with the standard library, by the mapping as the reference describes it.
func wantSum(t testing.TB, raw []byte) uint64 {
	t.Helper()
	var r trail
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	u := r.UserIdentity
	s := u.SessionContext
	nanos := func(text string) string {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return strconv.FormatInt(at.UnixNano(), 10)
	}
	whole := func(key string) string {
		return strconv.FormatInt(int64(r.AdditionalEventData[key].(float64)), 10)
	}
	fields := map[string]string{
		"event_version": r.EventVersion, "event_time": nanos(r.EventTime), "event_source": r.EventSource, "event_name": r.EventName,
		"native_name": r.EventName, "region": r.AWSRegion, "src_ip": netip.MustParseAddr(r.SourceIPAddress).String(), "user_agent": r.UserAgent,
		"request_id": r.RequestID, "native_id": r.EventID, "event_type": r.EventType, "account_id": r.RecipientAccountID,
		"event_category": r.EventCategory, "read_only": strconv.FormatBool(r.ReadOnly), "management": strconv.FormatBool(r.ManagementEvent),
		"provider": "aws", "outcome": "success", "bytes_in": whole("bytesTransferredIn"), "bytes_out": whole("bytesTransferredOut"),
		"tls_version": r.TLSDetails.TLSVersion, "tls_cipher": r.TLSDetails.CipherSuite, "tls_host": r.TLSDetails.ClientProvidedHostHeader,
		"actor_type": u.Type, "actor_principal_id": u.PrincipalID, "actor_arn": u.ARN, "actor_account_id": u.AccountID, "access_key_id": u.AccessKeyID,
		"actor_session_name": u.ARN[strings.LastIndex(u.ARN, "/")+1:], "actor_issuer_arn": s.SessionIssuer.ARN, "actor": s.SessionIssuer.ARN,
		"actor_name": s.SessionIssuer.UserName, "mfa": s.Attributes.MFAAuthenticated, "session_created_time": nanos(s.Attributes.CreationDate),
	}
	var types []string
	var total uint64
	for _, x := range r.Resources {
		if x.ARN != "" {
			total += hash("resources", x.ARN)
		}
		types = append(types, x.Type)
	}
	fields["unmapped.resources.type"] = strings.Join(types, ",")
	for name, value := range fields {
		total += hash(name, value)
	}
	return total + flat("request", r.RequestParameters) + flat("response", r.ResponseElements) + flat("additional", r.AdditionalEventData)
}

func flat(path string, m map[string]any) uint64 {
	var total uint64
	for k, v := range m {
		switch v := v.(type) {
		case string:
			total += hash(path+"."+k, v)
		case float64:
			total += hash(path+"."+k, strconv.FormatFloat(v, 'g', -1, 64))
		default:
			panic("BUG: the sample has only texts and numbers in its free-form members")
		}
	}
	return total
}

func TestParseReadsWhatTheStandardLibraryReads(t *testing.T) {
	p := cloudtrail.Spec().New()
	for i := range 50 {
		raw := sample(i)
		var got uint64
		if err := p.Parse(&record.Record{Raw: raw}, func(e *event.Event) { got = sum(e) }); err != nil {
			t.Fatalf("parse %s: %v", raw, err)
		}
		if want := wantSum(t, raw); got != want {
			t.Fatalf("record %d: sum over all fields is %d, want %d", i, got, want)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	const n = 256
	records := make([]record.Record, n)
	var size int64
	for i := range records {
		records[i].Raw = sample(i)
		size += int64(len(records[i].Raw))
	}
	p := cloudtrail.Spec().New()
	for i := range records { // nothing may be cheaper because it is not done
		var got uint64
		if err := p.Parse(&records[i], func(e *event.Event) { got = sum(e) }); err != nil || got != wantSum(b, records[i].Raw) {
			b.Fatalf("record %d: wrong sum or error %v", i, err)
		}
	}
	events := 0
	count := func(*event.Event) { events++ }
	b.SetBytes(size / n)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if err := p.Parse(&records[i%n], count); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "records/s")
}
