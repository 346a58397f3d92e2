package cloudfront

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/shrike-sec/shrike/pkg/format/formattest"
)

func TestSharedFormats(t *testing.T) {
	formattest.Files(t, Spec(), "formats/cloudfront/*.log*", nil)
}

// crosswalk names our field for what another parser calls a column.
var crosswalk = map[string]string{
	"c_ip": "src_ip", "c_port": "src_port", "cs_bytes": "bytes_in", "sc_bytes": "bytes_out", "cs_cookie": "cookie",
	"cs_host": "distribution_host", "x_host_header": "url_host", "cs_method": "method", "cs_protocol": "url_scheme",
	"cs_referer": "referer", "cs_uri_query": "url_query", "cs_uri_stem": "url_path", "cs_user_agent": "user_agent",
	"sc_content_len": "body_bytes", "sc_status": "status", "ssl_cipher": "tls_cipher", "ssl_protocol": "tls_version",
	"x_edge_detailed_result_type": "edge_result_detail", "x_edge_location": "edge_location",
	"x_edge_request_id": "request_id", "x_edge_response_result_type": "edge_response_result",
	"x_edge_result_type": "edge_result",
}

// What another project's parser is asserted to say of the same lines, ours says too.
func TestSharedExpectations(t *testing.T) {
	dir := formattest.SharedData(t, "formats", "cloudfront")
	input, err := os.ReadFile(dir + "/crowdsecurity+hub--aws-cloudfront-logs--aws-cloudfront-logs.log")
	if err != nil {
		t.Fatal(err)
	}
	asserts, err := os.ReadFile(dir + "/crowdsecurity+hub--aws-cloudfront-logs--parser.assert")
	if err != nil {
		t.Fatal(err)
	}
	var events []map[string]any
	for line := range bytes.Lines(formattest.Results(t, Spec(), input, "")) {
		var e map[string]any
		d := json.NewDecoder(bytes.NewReader(line))
		d.UseNumber()
		if err := d.Decode(&e); err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	compared := 0
	assert := regexp.MustCompile(`"crowdsecurity/aws-cloudfront"\]\[(\d)\]\.Evt\.Parsed\["(\w+)"\] == "(.*)"`)
	for _, m := range assert.FindAllSubmatch(asserts, -1) {
		field, ok := crosswalk[string(m[2])]
		if !ok {
			continue
		}
		n, _ := strconv.Atoi(string(m[1]))
		want, got := string(m[3]), fmt.Sprint(events[n][field])
		if want == "-" {
			want = fmt.Sprint(nil)
		}
		compared++
		if got != want {
			t.Errorf("line %d: %s = %q, want %q", n, field, got, want)
		}
	}
	if want := len(events) * len(crosswalk); compared != want {
		t.Errorf("compared %d values, want %d", compared, want)
	}
}
