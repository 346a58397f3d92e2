package builtin_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/shrike-sec/shrike/pkg/builtin"
	"github.com/shrike-sec/shrike/pkg/format/formattest"
)

func TestGolden(t *testing.T) { formattest.Recognised(t, builtin.Formats(), "testdata") }

// edgeCases is what breaks naive parsers, and the golden cases that show what becomes of it here: folders below the
// format's testdata, or below this package's for what concerns envelopes or all formats.
var edgeCases = []struct{ what, cases string }{
	{"blanks inside quoted columns", "s3access/quotes_in_agent s3access/get_object_27_columns alb/spaces_in_urls"},
	{"sourceIPAddress that is no address, octets with leading zeros", "cloudtrail/odd_addresses"},
	{"two meanings of Records", "builtin/records_of_trails_and_notices cloudtrail/not_events"},
	{"keys of S3's notices encoded, of EventBridge's not", "builtin/notices_encoded_and_not"},
	{"gzip members and JSON one after the other, lines of megabytes", "builtin/gzip_members_and_json_without_newlines builtin/line_of_two_megabytes"},
	{"flow layouts without a header, of the same count", "vpcflow/configured_layout_without_times vpcflow/wrong_counts_and_values tgwflow/configured_layout_without_times"},
	{"NODATA and SKIPDATA, with and without addresses", "vpcflow/nodata_skipdata vpcflow/nodata_with_addresses tgwflow/nodata_skipdata"},
	{"two blanks between columns", "vpcflow/ipv6_and_blanks tgwflow/blanks_and_peering"},
	{"version 3 in forty columns", "vpcflow/old_version_in_many_columns"},
	{"requests without protocol, blanks and control bytes in URLs, -1 and -", "alb/malformed_request alb/spaces_in_urls clb/malformed_request clb/no_backend"},
	{"IPv6 and a port, with and without brackets", "alb/ipv6_endpoints clb/ipv6_endpoints nlb/ipv6_endpoints albconn/ipv6_client"},
	{"columns that were added over the years", "alb/generations alb/extra_column alb/all_33_columns s3access/generations s3access/extra_columns clb/twelve_columns cloudfront/old_generations"},
	{"a bare - where quotes are normal", "s3access/bare_dashes"},
	{"unescaped quotes in user agents", "s3access/quotes_in_agent alb/quotes_in_agent clb/quotes_in_agent"},
	{`\" and \x22 in columns, user names with blanks`, "apache/agent_escapes nginx/escapes nginx/user_is_attacker_text"},
	{"CloudFront's 000, encoding twice, subsets, trailing tabs, empty values", "cloudfront/client_left cloudfront/encoded_once_and_twice cloudfront/any_subset_any_order cloudfront/empty_values_and_trailing_tab"},
	{"types that flip", "cloudtrail/s3_data_event cloudtrail/lookup_events cloudtrail/newest_members route53/types_flip azure/unknown_and_flipped azure/identity_as_text_and_cidr gcp/types_flip_and_unknown ocsf/flipped_and_unknown"},
	{"userIdentity of all kinds, rare and missing; sign-ins that fail without errorCode", "cloudtrail/identities cloudtrail/identities_rare cloudtrail/console_sign_in"},
	{"ARN and ARNPrefix; records without eventTime, eventName; eventId", "cloudtrail/s3_data_event cloudtrail/insight cloudtrail/aggregated"},
	{"the same record delivered twice", "builtin/delivered_twice"},
	{"times of every precision and zone", "builtin/times_of_every_precision cloudtrail/identities nlb/times cloudfront/times clb/time_precision albconn/time_precision ocsf/time_precision"},
	{"control and test messages, empty objects", "builtin/control_records builtin/control_records_of_exports builtin/empty_object builtin/folder_object_of_blanks cloudtrail/digest alb/control_line"},
	{"late and corrected events", "cloudtrail/newest_members cloudtrail/unknown_members"},
	{"bytes that are no UTF-8, NUL", "builtin/not_utf8_and_nul apache/not_utf8 clb/not_utf8 cloudfront/not_utf8 s3access/bytes"},
	{"the ALPN list, a token with quotes and commas", "nlb/version_2 nlb/alpn_unquoted nlb/no_alpn"},
	{"lines of containers, cut and between each other", "builtin/docker_json_file builtin/kubernetes_container_log"},
	{"what CloudWatch Logs and its commands write in front of messages, and times that are a line's own", "builtin/cloudwatch_export builtin/cloudwatch_tail builtin/cloudwatch_answers builtin/times_that_are_the_lines_own"},
	{"answers of queries, with and without the record", "builtin/insights_answer builtin/insights_console builtin/lake_answer builtin/insights_table builtin/lake_table builtin/lists_of_strings"},
	{"tables without the records", "builtin/event_history_table builtin/athena_table builtin/flow_table builtin/first_line_that_names_columns"},
	{"keys with dots and colons", "cloudtrail/keys_with_colons_and_dots"},
}

// Each edge case has its golden case.
func TestEdgeCasesAreGolden(t *testing.T) {
	t.Parallel()
	for _, e := range edgeCases {
		for c := range strings.FieldsSeq(e.cases) {
			format, name, _ := strings.Cut(c, "/")
			dir := filepath.Join("..", "format", format, "testdata", name)
			if format == "builtin" {
				dir = filepath.Join("testdata", name)
			}
			for _, file := range []string{"input", "want.jsonl"} {
				if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
					t.Errorf("%s: %v", e.what, err)
				}
			}
		}
	}
}

// docs/INPUTS.md names golden cases that are there, and every one of this package's that is about what carries records.
func TestInputsAreGolden(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "INPUTS.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for row := range strings.SplitSeq(string(doc), "\n") {
		cells := strings.Split(row, " | ")
		for _, m := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(cells[len(cells)-1], -1) {
			if len(cells) < 4 {
				continue
			}
			named[m[1]] = true
			if _, err := os.Stat(filepath.Join("testdata", m[1], "want.jsonl")); err != nil {
				t.Errorf("INPUTS.md names a case that is not there: %v", err)
			}
		}
	}
	cases, err := filepath.Glob(filepath.Join("testdata", "*_*"))
	if err != nil || len(named) == 0 {
		t.Fatalf("no names (%v)", err)
	}
	carried := regexp.MustCompile(`^(cloudwatch|insights|lake|lists|docker|kubernetes)_|_table$`)
	for _, c := range cases {
		if name := filepath.Base(c); carried.MatchString(name) && !named[name] {
			t.Errorf("INPUTS.md does not name %s", name)
		}
	}
}
