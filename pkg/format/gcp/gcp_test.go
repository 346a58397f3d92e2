package gcp

import (
	"testing"

	"github.com/shrike-sec/shrike/pkg/format/formattest"
)

func TestFormat(t *testing.T) { formattest.Run(t, Spec(), "testdata") }

func TestEdgeCases(t *testing.T) { formattest.EdgeCases(t, Spec(), "gcp_audit", nil) }

func TestWithoutVersion(t *testing.T) {
	t.Parallel()
	p := New().(*parser)
	for name, want := range map[string]string{
		"v1.compute.instances.insert":           "compute.instances.insert",
		"beta.compute.instances.insert":         "compute.instances.insert",
		"google.iam.admin.v1.SetIAMPolicy":      "google.iam.admin.SetIAMPolicy",
		"google.cloud.x.v1p4beta1.Y.v2alpha.Do": "google.cloud.x.Y.Do",
		"storage.objects.get":                   "storage.objects.get",
		"io.k8s.core.v1.pods.create":            "io.k8s.core.pods.create",
		"a.beta.b":                              "a.beta.b",
		"vm.v1x.v.v1":                           "vm.v1x.v.v1",
		"":                                      "",
		".":                                     ".",
	} {
		if got := p.withoutVersion(name); got != want {
			t.Errorf("withoutVersion(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestSniff(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]int{
		`{"insertId":"1","protoPayload":{"serviceName":"a","@type":"type.googleapis.com/google.cloud.audit.AuditLog"}}`: 95,
		`{"protoPayload":{"@type":"type.googleapis.com/google.appengine.logging.v1.RequestLog"}}`:                       0,
		`{"jsonPayload":{"protoPayload":{"@type":"type.googleapis.com/google.cloud.audit.AuditLog"}}}`:                  0,
		`{"protoPayload":{"text":"google.cloud.audit.AuditLog"}}`:                                                       0,
		"": 0, "{}": 0,
	} {
		if got := sniff([]byte(line)); got != want {
			t.Errorf("sniff(%q) = %d, want %d", line, got, want)
		}
	}
}

func BenchmarkParse(b *testing.B) { formattest.BenchmarkParse(b, Spec(), "testdata") }

func FuzzParse(f *testing.F) { formattest.Fuzz(f, Spec(), "testdata") }

// Nothing that a record says is lost. Times are in another form; the type is every record's; codes have become names; what is
// not granted is in permissions_denied.
func TestLossless(t *testing.T) {
	formattest.Lossless(t, Spec(), "testdata", "timestamp", "@type", "code", "granted")
}
