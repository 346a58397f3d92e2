package conformance_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/shrike-sec/shrike/pkg/builtin"
)

// expectations reads every file of expected results that states fields of ours.
func expectations(t *testing.T, dir string) (all []expectation) {
	t.Helper()
	for _, load := range []struct {
		pattern string
		read    func(t *testing.T, dir, file string) []expectation
	}{
		{"*/kaiyan-sheng+beats*-expected.json", beats},
		{"*/vectordotdev+vrl*.json", vrl},
		{"*/opensearch-project+*--sample.json", openSearch},
		{"*/opensearch-project+*--samples.json", openSearch},
		{"*/crowdsecurity+hub*--parser.assert", parserAsserts},
		{"*/crowdsecurity+hub*--scenario.assert", scenarioAsserts},
		{"*/*_expected.yaml", openTelemetry},
	} {
		files, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(load.pattern)))
		if err != nil || len(files) == 0 {
			t.Fatalf("no file matches %s (%v)", load.pattern, err)
		}
		for _, file := range files {
			name, err := filepath.Rel(dir, file)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, load.read(t, dir, filepath.ToSlash(name))...)
		}
	}
	return all
}

// ours names our format for a folder of the data.
var ours = map[string]string{
	"nginx": "nginx", "apache": "apache", "alb": "alb", "elb": "alb", "cloudtrail": "cloudtrail", "vpc_flow": "vpcflow",
	"s3_access": "s3access", "cloudfront": "cloudfront", "waf": "waf", "azure_activity": "azure", "nlb": "nlb",
}

// ecs is the Elastic Common Schema, as beats write it.
var ecs = map[string]string{
	"@timestamp": "event_time", "http.request.method": "method", "http.request.referrer": "referer", "http.version": "http_version",
	"http.response.body.bytes": "bytes_out", "http.response.status_code": "status", "source.ip": "src_ip", "source.domain": "src_host",
	"url.path": "url_path", "url.query": "url_query", "url.domain": "url_host", "user.name": "actor_name",
	"user_agent.original": "user_agent", "tls.cipher": "tls_cipher", "event.outcome": "outcome",
	"apache.access.ssl.protocol": "tls_version",
}

func beats(t *testing.T, dir, file string) (out []expectation) {
	var records []map[string]any
	decode(t, filepath.Join(dir, file), &records)
	for i, r := range records {
		out = append(out, expectation{file: file, line: i + 1, format: ours[path.Dir(file)], raw: []byte(r["event.original"].(string) + "\n"), want: mapped(r, ecs)})
	}
	return out
}

func decode(t *testing.T, name string, into any) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func mapped(values map[string]any, names map[string]string) map[string]any {
	want := map[string]any{}
	for theirs, v := range values {
		if field := names[theirs]; field != "" {
			want[field] = v
		}
	}
	return want
}

// vrlNames are the keys of the functions' results.
var vrlNames = map[string]map[string]string{
	"nginx": {
		"agent": "user_agent", "client": "src_ip", "referer": "referer", "request": "request_line", "size": "bytes_out", "status": "status",
		"timestamp": "event_time", "user": "actor_name", "body_bytes_size": "bytes_out", "http_referer": "referer", "http_user_agent": "user_agent",
		"remote_addr": "src_ip", "remote_user": "actor_name", "http_x_forwarded_for": "forwarded_for",
	},
	"apache": {
		"agent": "user_agent", "host": "src_ip", "message": "request_line", "method": "method", "path": "url_path", "referrer": "referer",
		"size": "bytes_out", "status": "status", "timestamp": "event_time", "user": "actor_name",
	},
	"alb": {
		"actions_executed": "actions", "chosen_cert_arn": "tls_cert_arn", "classification": "classification", "classification_reason": "classification_reason",
		"domain_name": "tls_host", "elb": "lb_name", "elb_status_code": "status", "error_reason": "error_reason", "matched_rule_priority": "rule_priority",
		"received_bytes": "bytes_in", "redirect_url": "redirect_url", "request_creation_time": "request_time", "request_method": "method",
		"sent_bytes": "bytes_out", "ssl_cipher": "tls_cipher", "ssl_protocol": "tls_version", "target_group_arn": "target_group_arn",
		"target_status_code": "upstream_status", "timestamp": "event_time", "trace_id": "trace_id", "user_agent": "user_agent",
	},
	"vpcflow": {
		"version": "flow_version", "account_id": "account_id", "interface_id": "interface_id", "srcaddr": "src_ip", "dstaddr": "dst_ip",
		"srcport": "src_port", "dstport": "dst_port", "protocol": "protocol", "packets": "packets", "bytes": "bytes", "start": "event_time",
		"end": "end_time", "action": "action", "log_status": "log_status", "pkt_srcaddr": "pkt_src_ip", "pkt_dstaddr": "pkt_dst_ip",
		"instance_id": "instance_id", "az_id": "az_id", "flow_direction": "direction", "pkt_src_aws_service": "pkt_src_service",
		"pkt_dst_aws_service": "pkt_dst_service", "region": "region", "subnet_id": "subnet_id", "tcp_flags": "tcp_flags",
		"traffic_path": "traffic_path", "type": "traffic_type", "vpc_id": "vpc_id", "sublocation_id": "sublocation_id",
		"sublocation_type": "sublocation_type", "reject_reason": "reject_reason", "resource_id": "resource_id", "encryption_status": "encryption_status",
		"interface_type": "interface_type",
	},
}

// literal is a text in a call of a function: plain, with escapes, or raw between s' and '.
var literal = regexp.MustCompile(`s'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"`)

func vrl(t *testing.T, dir, file string) (out []expectation) {
	name := ours[path.Dir(file)]
	if vrlNames[name] == nil {
		return nil
	}
	var doc struct {
		Examples []struct {
			Source string
			Return map[string]any
		}
	}
	decode(t, filepath.Join(dir, file), &doc)
	for i, x := range doc.Examples {
		var texts []string
		for _, m := range literal.FindAllStringSubmatch(x.Source, -1) {
			text := m[1]
			if text == "" {
				text, _ = strconv.Unquote(`"` + m[2] + `"`)
			}
			texts = append(texts, text)
		}
		if len(texts) > 1 && texts[1] == "error" {
			continue // error logs are no events of ours
		}
		e := expectation{file: file, line: i + 1, format: name, raw: []byte(texts[0] + "\n"), want: mapped(x.Return, vrlNames[name])}
		if name == "vpcflow" && len(texts) > 1 {
			e.layout = texts[1]
		}
		out = append(out, e)
	}
	return out
}

// openSearchNames are the keys of the catalog's samples; the first that fits a record's folder counts.
var openSearchNames = map[string]map[string]string{
	"vpcflow": {
		"aws.vpc.version": "flow_version", "aws.vpc.account-id": "account_id", "aws.vpc.interface-id": "interface_id", "aws.vpc.srcaddr": "src_ip",
		"aws.vpc.dstaddr": "dst_ip", "aws.vpc.srcport": "src_port", "aws.vpc.dstport": "dst_port", "aws.vpc.protocol": "protocol",
		"aws.vpc.packets": "packets", "aws.vpc.bytes": "bytes", "aws.vpc.start": "event_time", "aws.vpc.end": "end_time",
		"aws.vpc.action": "action", "aws.vpc.log-status": "log_status",
	},
	"s3access": {
		"aws.s3.bucket": "bucket_name", "aws.s3.bucket_owner": "bucket_owner_id", "aws.s3.bytes_sent": "bytes_out", "aws.s3.http_status": "status",
		"aws.s3.error_code": "error_code", "aws.s3.object_size": "object_bytes", "aws.s3.operation": "operation", "aws.s3.remote_ip": "src_ip",
		"aws.s3.request_id": "request_id", "aws.s3.requester": "actor", "aws.s3.user_agent": "user_agent", "aws.s3.referrer": "referer",
		"aws.s3.key": "object_key", "aws.s3.total_time": "duration_ms", "aws.s3.turn_around_time": "turnaround_ms",
	},
	"cloudfront": {
		"aws.cloudfront.x-edge-request-id": "request_id", "aws.cloudfront.c-ip": "src_ip", "aws.cloudfront.c-port": "src_port",
		"aws.cloudfront.cs-bytes": "bytes_in", "aws.cloudfront.sc-bytes": "bytes_out", "aws.cloudfront.cs-method": "method",
		"aws.cloudfront.sc-status": "status", "aws.cloudfront.x-edge-location": "edge_location", "aws.cloudfront.cs-uri-stem": "url_path",
		"aws.cloudfront.x-edge-result-type": "edge_result", "aws.cloudfront.ssl-cipher": "tls_cipher", "aws.cloudfront.ssl-protocol": "tls_version",
		"aws.cloudfront.cs-user-agent": "user_agent", "aws.cloudfront.cs-uri-query": "url_query",
	},
	"waf": {
		"aws.waf.action": "action", "aws.waf.webaclId": "waf_acl_id", "aws.waf.terminatingRuleId": "waf_rule", "aws.waf.terminatingRuleType": "waf_rule_type",
		"aws.waf.httpSourceName": "waf_source", "aws.waf.httpSourceId": "waf_source_id", "aws.waf.httpRequest.clientIp": "src_ip",
		"aws.waf.httpRequest.country": "src_country", "aws.waf.httpRequest.httpMethod": "method", "aws.waf.httpRequest.uri": "url_path",
		"aws.waf.httpRequest.args": "url_query", "aws.waf.httpRequest.requestId": "request_id", "aws.waf.timestamp": "event_time",
	},
	"cloudtrail": {
		"aws.cloudtrail.awsRegion": "region", "aws.cloudtrail.eventCategory": "event_category", "aws.cloudtrail.eventID": "native_id",
		"aws.cloudtrail.eventName": "native_name", "aws.cloudtrail.eventSource": "event_source", "aws.cloudtrail.eventTime": "event_time",
		"aws.cloudtrail.eventType": "event_type", "aws.cloudtrail.eventVersion": "event_version", "aws.cloudtrail.managementEvent": "management",
		"aws.cloudtrail.readOnly": "read_only", "aws.cloudtrail.recipientAccountId": "account_id", "aws.cloudtrail.requestID": "request_id",
		"aws.cloudtrail.userAgent": "user_agent", "aws.cloudtrail.userIdentity.type": "actor_type", "aws.cloudtrail.userIdentity.arn": "actor_arn",
		"aws.cloudtrail.userIdentity.accessKeyId": "access_key_id", "aws.cloudtrail.userIdentity.principalId": "actor_principal_id",
		"aws.cloudtrail.userIdentity.invokedBy": "actor_invoked_by", "aws.cloudtrail.tlsDetails.tlsVersion": "tls_version",
		"aws.cloudtrail.tlsDetails.cipherSuite": "tls_cipher", "aws.cloudtrail.errorCode": "error_code", "aws.cloudtrail.errorMessage": "error_message",
		"aws.cloudtrail.sharedEventID": "shared_event_id", "aws.cloudtrail.apiVersion": "api_version",
	},
	"apache": {
		"http.response.status_code": "status", "http.response.bytes": "bytes_out", "http.request.method": "method", "http.flavor": "http_version",
		"communication.source.ip": "src_ip", "http.user_agent.original": "user_agent",
	},
	"nginx": {
		"http.response.status_code": "status", "http.response.bytes": "bytes_out", "http.request.method": "method", "http.flavor": "http_version",
		"communication.source.ip": "src_ip", "@timestamp": "event_time",
	},
}

// nested says which member of a sample is the record itself.
var nested = map[string]string{"waf": "waf", "cloudtrail": "cloudtrail"}

// naming is the field by which a sample without its record is found in the raw file beside it.
var naming = map[string]string{"cloudfront": "request_id"}

func openSearch(t *testing.T, dir, file string) (out []expectation) {
	name := ours[path.Dir(file)]
	var samples []map[string]any
	if strings.Contains(file, "raw-sample") || strings.HasPrefix(file, "elb/") {
		return nil // one record without expectations; results of records that are not published
	}
	decode(t, filepath.Join(dir, file), &samples)
	var beside []map[string]any
	if naming[name] != "" {
		raw := path.Dir(file) + "/opensearch-project+opensearch-catalog--data--raw.log"
		beside, _ = parse(t, builtin.Formats(), read(t, filepath.Join(dir, raw)), name, "")
	}
	for i, s := range samples {
		x := expectation{file: file, line: i + 1, format: name, key: naming[name], among: beside, want: mapped(flat(s, ""), openSearchNames[name])}
		if member := nested[name]; member != "" {
			aws, _ := s["aws"].(map[string]any)
			doc, _ := aws[member].(map[string]any)
			if at, err := time.Parse(time.RFC3339, fmt.Sprint(s["@timestamp"])); name == "waf" && err == nil {
				doc["timestamp"] = at.UnixMilli() // the sample has it outside of the record only
			}
			x.raw, _ = json.Marshal(doc)
		} else if x.key == "" {
			body, _ := s["body"].(string)
			x.raw = []byte(body + "\n")
		}
		out = append(out, x)
	}
	return out
}

func flat(m map[string]any, prefix string) map[string]any {
	out := map[string]any{}
	for k, v := range m {
		if inner, ok := v.(map[string]any); ok {
			maps.Copy(out, flat(inner, prefix+k+"."))
		} else {
			out[prefix+k] = v
		}
	}
	return out
}

// crowdsec's names of parsed values and of their meta data.
var crowdsec = map[string]string{
	"c_ip": "src_ip", "c_port": "src_port", "cs_bytes": "bytes_in", "cs_method": "method", "cs_uri_query": "url_query", "cs_uri_stem": "url_path",
	"cs_user_agent": "user_agent", "sc_bytes": "bytes_out", "sc_status": "status", "ssl_cipher": "tls_cipher", "ssl_protocol": "tls_version",
	"x_edge_location": "edge_location", "x_edge_result_type": "edge_result", "x_edge_request_id": "request_id", "cs_cookie": "cookie",
	"source_ip": "src_ip", "http_path": "target", "http_status": "status", "http_verb": "method", "http_user_agent": "user_agent",
	"event_id": "native_id", "event_name": "event_name", "event_source": "event_source", "region": "region", "user_type": "actor_type",
	"timestamp": "event_time",
}

var (
	parsedValue = regexp.MustCompile(`^results\["s01-parse"\]\["[^"]*"\]\[(\d+)\]\.Evt\.(?:Parsed|Meta)\["([^"]*)"\] == (".*")$`)
	rawMessage  = regexp.MustCompile(`^results\["s00-raw"\]\["[^"]*"\]\[(\d+)\]\.Evt\.Parsed\["message"\] == (".*")$`)
	metaValue   = regexp.MustCompile(`^results\[(\d+)\]\.Overflow\.Alert\.Events\[(\d+)\]\.GetMeta\("([^"]*)"\) == (".*")$`)
)

func parserAsserts(t *testing.T, dir, file string) (out []expectation) {
	if strings.Contains(file, "mail") {
		return nil // mail proxies' logs are no format of ours
	}
	raws, wants := map[string]string{}, map[string]map[string]any{}
	for line := range strings.Lines(string(read(t, filepath.Join(dir, file)))) {
		line = strings.TrimSpace(line)
		if m := rawMessage.FindStringSubmatch(line); m != nil {
			raws[m[1]] = unquote(m[2])
		}
		if m := parsedValue.FindStringSubmatch(line); m != nil {
			put(wants, m[1], m[2], unquote(m[3]))
		}
	}
	for _, i := range slices.Sorted(maps.Keys(raws)) {
		n, _ := strconv.Atoi(i)
		out = append(out, expectation{file: file, line: n + 1, format: ours[path.Dir(file)], raw: []byte(raws[i] + "\n"), want: wants[i]})
	}
	return out
}

// unquote reads a text that may hold bare tabs.
func unquote(s string) string {
	text, err := strconv.Unquote(strings.ReplaceAll(s, "\t", `\t`))
	if err != nil {
		return s
	}
	return text
}

func put(wants map[string]map[string]any, of, name, value string) {
	if wants[of] == nil {
		wants[of] = map[string]any{}
	}
	if field := crowdsec[name]; field != "" {
		wants[of][field] = value
	}
}

// scenarioAsserts says what events an alert has; each must be one of the log beside it.
func scenarioAsserts(t *testing.T, dir, file string) (out []expectation) {
	logs, err := filepath.Glob(filepath.Join(dir, strings.TrimSuffix(file, "scenario.assert")+"*.log"))
	if err != nil || len(logs) != 1 || strings.Contains(file, "mail") {
		return nil
	}
	events, _ := parse(t, builtin.Formats(), read(t, logs[0]), ours[path.Dir(file)], "")
	wants := map[string]map[string]any{}
	for line := range strings.Lines(string(read(t, filepath.Join(dir, file)))) {
		if m := metaValue.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			put(wants, m[1]+"/"+m[2], m[3], unquote(m[4]))
		}
	}
	for i, of := range slices.Sorted(maps.Keys(wants)) {
		want := wants[of]
		best, most := 0, -1
		for j, e := range events {
			n := 0
			for field, v := range want {
				if same(e[field], v) {
					n++
				}
			}
			if n > most {
				best, most = j, n
			}
		}
		x := expectation{file: file, line: i + 1, format: ours[path.Dir(file)], want: want, key: "line"}
		if most >= 0 {
			x.among = events[best : best+1]
			want["line"] = events[best]["line"]
		}
		out = append(out, x)
	}
	return out
}

// otel names attributes as the semantic conventions do.
var otel = map[string]string{
	"aws.s3.bucket": "bucket_name", "aws.s3.owner": "bucket_owner_id", "source.address": "src_ip", "user.id": "actor", "aws.request_id": "request_id",
	"rpc.method": "operation", "http.request.method": "method", "url.path": "url_path", "url.query": "url_query",
	"network.protocol.version": "http_version", "http.response.status_code": "status", "http.response.body.size": "bytes_out",
	"duration": "duration_ms", "user_agent.original": "user_agent", "tls.cipher": "tls_cipher", "aws.s3.aws_account_arn": "access_point_arn",
	"cloud.account.id": "account_id", "aws.vpc.flow.log.version": "flow_version", "network.interface.name": "interface_id",
	"aws.vpc.flow.start": "event_time", "aws.vpc.flow.status": "log_status",
}

type otelValue struct {
	String *string                      `yaml:"stringValue"`
	Int    *string                      `yaml:"intValue"`
	List   *struct{ Values []otelPair } `yaml:"kvlistValue"`
}

type otelPair struct {
	Key   string
	Value otelValue
}

func openTelemetry(t *testing.T, dir, file string) (out []expectation) {
	name := ours[path.Dir(file)]
	var doc struct {
		ResourceLogs []struct {
			Resource  struct{ Attributes []otelPair }
			ScopeLogs []struct {
				LogRecords []struct {
					Attributes []otelPair
					Body       otelValue
				} `yaml:"logRecords"`
			} `yaml:"scopeLogs"`
		} `yaml:"resourceLogs"`
	}
	if err := yaml.Unmarshal(read(t, filepath.Join(dir, file)), &doc); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	stem := strings.TrimSuffix(file, "_expected.yaml")
	for _, r := range doc.ResourceLogs {
		for _, s := range r.ScopeLogs {
			for _, l := range s.LogRecords {
				x := expectation{file: file, line: len(out) + 1, format: name, want: map[string]any{}}
				for _, p := range slices.Concat(r.Resource.Attributes, l.Attributes) {
					if field := otel[p.Key]; field != "" {
						x.want[field] = p.Value.text()
					}
				}
				if l.Body.List != nil { // the record itself is all that is expected: it must become an event of that format
					for _, p := range l.Body.List.Values {
						if p.Key == "message" {
							x.raw = []byte(p.Value.text() + "\n")
							x.want = map[string]any{"format": name}
							if strings.HasPrefix(file, "elb/") {
								x.format, x.want["format"] = "clb", "clb" // classic balancers' lines
							}
						}
					}
				} else if raw, err := os.ReadFile(filepath.Join(dir, stem+".log")); err == nil {
					x.raw = raw
				}
				if name != "" && x.raw != nil {
					out = append(out, x)
				}
			}
		}
	}
	return out
}

func (v otelValue) text() string {
	switch {
	case v.String != nil:
		return *v.String
	case v.Int != nil:
		return *v.Int
	}
	return ""
}
