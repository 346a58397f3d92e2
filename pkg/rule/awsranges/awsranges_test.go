package awsranges

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The networks are those that documents may use (RFC 5737, RFC 3849), not AWS's.
const small = `{
  "syncToken": "1772355600", "createDate": "2026-03-01-09-00-00",
  "prefixes": [
    {"ip_prefix": "198.51.100.0/25", "region": "eu-central-1", "service": "AMAZON", "network_border_group": "eu-central-1"},
    {"ip_prefix": "198.51.100.0/25", "region": "eu-central-1", "service": "EC2", "network_border_group": "eu-central-1"},
    {"ip_prefix": "192.0.2.0/24", "region": "us-east-1", "service": "S3", "network_border_group": "us-east-1"}
  ],
  "ipv6_prefixes": [
    {"ipv6_prefix": "2001:db8:1::/48", "region": "eu-central-1", "service": "EC2", "network_border_group": "eu-central-1"}
  ]
}`

func TestOf(t *testing.T) {
	t.Parallel()
	f, err := Parse([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		services, regions []string
		want              string
	}{
		{nil, nil, "[192.0.2.0/24 198.51.100.0/25 2001:db8:1::/48]"},
		{[]string{"EC2"}, nil, "[198.51.100.0/25 2001:db8:1::/48]"},
		{nil, []string{"us-east-1"}, "[192.0.2.0/24]"},
		{[]string{"EC2", "S3"}, []string{"us-east-1"}, "[192.0.2.0/24]"},
		{[]string{"EC2"}, []string{"us-east-1"}, "[]"},
	} {
		if got := fmt.Sprint(f.Of(c.services, c.regions)); got != c.want {
			t.Errorf("%v in %v: got %s, want %s", c.services, c.regions, got, c.want)
		}
	}
	if diff := cmp.Diff([][]string{{"AMAZON", "EC2", "S3"}, {"eu-central-1", "us-east-1"}}, [][]string{f.Services(), f.Regions()}); diff != "" {
		t.Errorf("services and regions (-want +got):\n%s", diff)
	}
	if f.SyncToken != 1772355600 {
		t.Errorf("published %d", f.SyncToken)
	}
}

// Whatever is not the published format is refused as a whole.
func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ old, by, want string }{
		{small, "", "parse ip-ranges.json: unexpected end of JSON input"},
		{small, "<html>", "parse ip-ranges.json: invalid character '<' looking for beginning of value"},
		{small, "[]", "parse ip-ranges.json: json: cannot unmarshal array"},
		{small, "{}", `parse ip-ranges.json: syncToken is "", not a time in seconds`},
		{small, `{"syncToken":"1"}`, "parse ip-ranges.json: it has no prefixes"},
		{"192.0.2.0/24", "192.0.2.7/24", `parse ip-ranges.json: "192.0.2.7/24" is not a network of its list`},
		{"192.0.2.0/24", "2001:db8::/32", `parse ip-ranges.json: "2001:db8::/32" is not a network of its list`},
		{"2001:db8:1::/48", "10.0.0.0/8", `parse ip-ranges.json: "10.0.0.0/8" is not a network of its list`},
		{`"service": "S3"`, `"service": ""`, "parse ip-ranges.json: network 192.0.2.0/24 has no service or no region"},
	} {
		text := strings.Replace(small, c.old, c.by, 1)
		if _, err := Parse([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s for %s: got %v, want %s", c.by, c.old, err, c.want)
		}
	}
}
