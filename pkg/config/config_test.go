package config

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write deploy/CONFIG.md")

func environment(pairs map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := pairs[name]; return v, ok }
}

func TestEmptyFileIsTheDefault(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "\n", "# nothing\n", "---\n", "kafka:\nlisten: ~\n", "\ufeff"} {
		got, err := Parse("c.yml", []byte(text), nil)
		if err != nil {
			t.Fatalf("Parse(%q): %v", text, err)
		}
		if diff := cmp.Diff(Default(), got); diff != "" {
			t.Errorf("Parse(%q) differs from Default (-want +got):\n%s", text, diff)
		}
	}
}

func TestOverlay(t *testing.T) {
	t.Parallel()
	env := environment(map[string]string{"HOST": "kafka-1", "HOOK": "https://chat.example.com/x: [y]"})
	got, err := Parse("c.yml", []byte(`
data_dir: /var/lib/shrike
kafka: { brokers: ["${HOST}:9092", "${OTHER:-kafka-2}:9092"], partitions: "8" }
sources:
  - file: { name: web, paths: [/var/log/nginx] }
receivers:
  - slack: { name: chat, url: "${HOOK}" }
retention: { api: 1d12h }
limits: { body: 1MiB }
`), env)
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.DataDir = "/var/lib/shrike"
	want.Kafka.Brokers = []Address{"kafka-1:9092", "kafka-2:9092"}
	want.Kafka.Partitions = 8
	want.Sources = []Source{{File: &FileSource{Name: "web", Paths: []string{"/var/log/nginx"}, Follow: true, DigestWait: Duration(time.Hour)}}}
	want.Receivers = []Receiver{{Slack: &Slack{Name: "chat", URL: "https://chat.example.com/x: [y]", Severity: "low"}}}
	want.Retention.API = Duration(36 * time.Hour)
	want.Limits.Body = 1 << 20
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Parse differs (-want +got):\n%s", diff)
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, text, want string }{
		{"unknown key", "kafka:\n  broker: [a:1]\n", `c.yml:2:3: unknown key "broker" (did you mean "brokers"?)` + "\n    broker: [a:1]\n    ^"},
		{"unknown receiver kind", "receivers:\n  - slak: { name: a }\n", `c.yml:2:5: unknown key "slak" (did you mean "slack"?)`},
		{"unknown key without a near one", "log: { zzzzzz: 1 }", `unknown key "zzzzzz", not one of level, format`},
		{"duplicate key", "data_dir: a\ndata_dir: b\n", `c.yml:2:1: key "data_dir" is already set`},
		{"duration", "retention:\n  api: soon\n", `c.yml:2:8: not a duration: "soon"`},
		{"negative duration", "retention: { api: -3d }", `not a duration: "-3d"`},
		{"duration out of range", "retention: { api: 106751d23h59m }", `not a duration: "106751d23h59m"`},
		{"size out of range", "limits: { state: 9999999TiB }", "not a size"},
		{"size", "limits: { body: 64 MBytes }", `not a size`},
		{"number", "kafka: { partitions: 017x }", `expected a whole number, not "017x"`},
		{"boolean", "clickhouse: { compression: yes }", `expected true or false, not "yes"`},
		{"address", "listen: { address: localhost }", `c.yml:1:20: not an address: "localhost"`},
		{"port", "listen: { address: 'localhost:http' }", `not a port: "http"`},
		{"list for a value", "data_dir: [a]", "c.yml:1:11: expected a single value"},
		{"value for a list", "rules: { paths: detections }", "expected a list"},
		{"value for keys", "kafka: yes", "expected keys and values, one of brokers"},
		{"environment", "data_dir: ${NOPE}", "c.yml:1:11: the environment has no NOPE"},
		{"malformed variable", "data_dir: ${NOPE", "write ${NAME}"},
		{"syntax", "kafka: { brokers: [a\n", "c.yml:1:"},
		{"two documents", "data_dir: a\n---\ndata_dir: b\n", "more than one document"},
		{"alias", "data_dir: &a b\n", "anchors, aliases and tags"},
		{"not UTF-8", "data_dir: \xff", "not UTF-8"},
		{"ingest without token", "listen:\n  ingest_address: 0.0.0.0:8081\n", "c.yml:2:3: listen.ingest_address is not a loopback address"},
		{"ingest on all addresses", "listen: { ingest_address: ':8081' }", "senders need a token"},
		{"metrics without token", "listen: { metrics_address: 10.0.0.1:9090 }", "set metrics_token_file"},
		{"same address", "listen: { address: 127.0.0.1:9090 }", "is the same as address"},
		{"certificate without key", "listen: { tls: { cert_file: a.pem } }", "needs cert_file and key_file, or neither"},
		{"TLS files but not enabled", "kafka: { brokers: [a:1], tls: { ca_file: a.pem } }", "has files but not enabled: true"},
		{"receiver without URL", "receivers: [{ slack: { name: a } }]", "or its _file twin must be set"},
		{"receiver's URL", "receivers: [{ webhook: { name: a, url: 'ftp://x' } }]", "is not an http or https address"},
		{"receiver twice", "receivers: [{ slack: { name: a, url: 'http://x' } }, { slack: { name: a, url: 'http://x' } }]", `"a" is already taken`},
		{"receiver of two kinds", "receivers: [{ slack: { name: a, url: 'http://x' }, webhook: { name: b, url: 'http://x' } }]", "has two kinds"},
		{"receiver of no kind", "receivers: [{}]", "must name a kind of receiver"},
		{"severity", "receivers: [{ slack: { name: a, url: 'http://x', severity: hgih } }]", `(did you mean "high"?)`},
		{"source without paths", "sources: [{ file: { name: a } }]", "sources[0].file.paths must name at least one"},
		{"source named http", "sources: [{ file: { name: http, paths: [a] } }]", `"http" is already taken`},
		{"retention too short", "retention: { flow: 1h }", "retention.flow is 1h, not between 1d and 36500d"},
		{"disk", "limits: { disk: NaN }", "must be over 0 and at most 1"},
		{"record", "limits: { record: 64MiB }", "limits.record is 64MiB, not between"},
		{"secret and twin", "clickhouse: { addresses: [a:9000], hunter_user: h, user: u, password: p, password_file: f }", "_file twin are both set"},
		{"ClickHouse without hunter", "clickhouse: { addresses: [a:9000] }", "clickhouse.hunter_user is needed with addresses"},
		{"user of the embedded broker", "kafka: { user: u, mechanism: plain }", "only with brokers"},
		{"keys in a list of values", "rules: { paths: [a: b] }", "expected a single value"},
		{"masked secret", "clickhouse: { addresses: [a:9000], hunter_user: h, user: u, password: <secret> }", "in place of a secret"},
		{"empty element", "rules: { paths: [a, ] }\nkafka: { brokers: [~] }", "an element of the list is empty"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cfg, err := Parse("c.yml", []byte(tc.text), nil)
			if err == nil {
				t.Fatalf("Parse(%q) = %+v, want an error with %q", tc.text, cfg, tc.want)
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Parse(%q):\n%v\nwant it to contain\n%s", tc.text, err, tc.want)
			}
		})
	}
}

func TestAllProblemsAtOnceByPosition(t *testing.T) {
	t.Parallel()
	_, err := Parse("c.yml", []byte("log: { level: loud }\nretention: { api: soon }\nkafka:\n  brokes: []\n  partitions: 0\n"), nil)
	var got []string
	var ps Problems
	if !errors.As(err, &ps) {
		t.Fatalf("error is %T, want Problems", err)
	}
	for _, p := range ps {
		got = append(got, fmt.Sprintf("%d:%d", p.Line, p.Column))
	}
	if diff := cmp.Diff([]string{"1:8", "2:19", "4:3", "5:3"}, got); diff != "" {
		t.Errorf("positions (-want +got):\n%s\n%v", diff, err)
	}
}

func TestAddressesInFlowLists(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"kafka: {brokers: [kafka-1:9092, b:1]}", "kafka: { brokers: [ kafka-1:9092 , b:1 ]}",
		"kafka:\n  brokers: [kafka-1:9092, b:1]", "kafka:\n  brokers:\n  - kafka-1:9092\n  - b:1\n",
	} {
		cfg, err := Parse("c.yml", []byte(text), nil)
		if err != nil {
			t.Errorf("Parse(%q): %v", text, err)
			continue
		}
		if diff := cmp.Diff([]Address{"kafka-1:9092", "b:1"}, cfg.Kafka.Brokers); diff != "" {
			t.Errorf("Parse(%q).Kafka.Brokers (-want +got):\n%s", text, diff)
		}
	}
}

func TestSecretsAreHidden(t *testing.T) {
	t.Parallel()
	const secret = "hunter2-very-secret"
	cfg, err := Parse("c.yml", []byte("clickhouse: { addresses: [a:9000], hunter_user: h, user: u, password: "+secret+" }\n"+
		"receivers: [{ slack: { name: a, url: 'https://x/"+secret+"' } }]"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{
		fmt.Sprint(cfg.ClickHouse), fmt.Sprintf("%+v %#v", *cfg.Receivers[0].Slack, *cfg.Receivers[0].Slack),
		string(cfg.YAML()), cfg.ClickHouse.Password.String(),
	} {
		if strings.Contains(shown, secret) || !strings.Contains(shown, hidden) {
			t.Errorf("shows the secret, or does not say that there is one: %s", shown)
		}
	}
	if _, err := Parse("c.yml", []byte("receivers: [{ slack: { name: a, url: 'x://"+secret+"' } }]"), nil); err == nil {
		t.Error("a bad URL was taken")
	}
}

func TestReadSecret(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("abc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadSecret("", file); err != nil || got != "abc" {
		t.Errorf("ReadSecret = %q, %v; want abc", got.Reveal(), err)
	}
	if err := os.WriteFile(file, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadSecret("", file); err == nil {
		t.Error("an empty secret file was taken")
	}
}

func TestLoopback(t *testing.T) {
	t.Parallel()
	for a, want := range map[Address]bool{
		"127.0.0.1:1": true, "127.9.9.9:1": true, "[::1]:1": true, "localhost:1": true, "[::ffff:127.0.0.1]:1": true,
		":1": false, "0.0.0.0:1": false, "[::]:1": false, "10.0.0.1:1": false, "localhost.example.com:1": false,
	} {
		if got := a.Loopback(); got != want {
			t.Errorf("Address(%q).Loopback() = %v, want %v", a, got, want)
		}
	}
}

func TestDurationAndSizeRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d, d2 := Duration(rapid.Int64Min(0).Draw(t, "duration")), Duration(0)
		if err := d2.parse(d.String()); err != nil || d2 != d {
			t.Fatalf("%d is written %q and read %d, %v", d, d.String(), d2, err)
		}
		s, s2 := Size(rapid.Int64Min(0).Draw(t, "size")), Size(0)
		if err := s2.parse(s.String()); err != nil || s2 != s {
			t.Fatalf("%d is written %q and read %d, %v", s, s.String(), s2, err)
		}
	})
}

func TestReferenceIsCommitted(t *testing.T) {
	t.Parallel()
	const page = "../../deploy/CONFIG.md"
	if *update {
		if err := os.WriteFile(page, []byte(Reference()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(committed), Reference()); diff != "" {
		t.Errorf("deploy/CONFIG.md is stale, run go test ./pkg/config -update (-committed +now):\n%s", diff)
	}
	for _, k := range Keys() {
		if k.Doc == "" || strings.Contains(k.Doc, "|") {
			t.Errorf("key %s has no meaning, or one that breaks the table", k.Path)
		}
	}
}

func TestExampleStatesEveryKeyAndLoads(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../deploy/config.example.yml")
	if err != nil {
		t.Fatal(err)
	}
	d := newDecoder("config.example.yml", data, environment(nil))
	cfg := Default()
	d.file(cfg)
	cfg.validate(&checker{d: d})
	if len(d.problems) > 0 {
		t.Fatal(d.problems)
	}
	stated := map[string]bool{}
	for path := range d.stated {
		for i := range 9 {
			path = strings.ReplaceAll(path, fmt.Sprintf("[%d]", i), "[]")
		}
		stated[path] = true
	}
	for _, k := range Keys() {
		if !stated[k.Path] {
			t.Errorf("config.example.yml does not state %s", k.Path)
		}
	}
	cfg.Sources, cfg.Receivers = nil, nil
	if diff := cmp.Diff(Default(), cfg); diff != "" {
		t.Errorf("config.example.yml states other than the defaults (-default +example):\n%s", diff)
	}
}

func TestLoadMissingFile(t *testing.T) {
	t.Parallel()
	if _, err := Load(filepath.Join(t.TempDir(), "none.yml")); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("Load of a missing file: %v", err)
	}
	if cfg, err := Load(""); err != nil || cfg.DataDir != "data" {
		t.Errorf("Load of no file: %v", err)
	}
}

// Whatever is accepted is written so that it reads as the same configuration, and whatever is refused says where.
// Without escape in quote it fails.
func FuzzParse(f *testing.F) {
	example, err := os.ReadFile("../../deploy/config.example.yml")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		string(example), "", "data_dir: \"a\\x07\\u2028$${X} ${X}\"\n", "receivers: [{slack: {name: a, url: 'http://x'}}]",
		"sources:\n- file:\n    name: a\n    paths: [b]\n    layout: |\n      a b\n    format: vpcflow\n", "kafka: {brokers: [\"[::1]:9\"]}",
		"data_dir: >-\n  a\n  b\n", "a: &a [*a]", "? a\n: b", "<<: {}", "limits: {disk: 1e-3}",
	} {
		f.Add([]byte(seed))
	}
	env := environment(map[string]string{"X": "${Y}\n\"'#:", "HOME": "/home"})
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, err := Parse("c.yml", data, env)
		if err != nil {
			var ps Problems
			if !errors.As(err, &ps) || len(ps) == 0 {
				t.Fatalf("Parse(%q): %v is not a list of problems", data, err)
			}
			for _, p := range ps {
				if p.Line < 1 || p.Column < 1 || p.Message == "" {
					t.Fatalf("Parse(%q): problem without place or text: %+v", data, p)
				}
			}
			return
		}
		text := encode(cfg, true)
		again, err := Parse("again.yml", text, nil)
		if err != nil {
			t.Fatalf("Parse(%q) was written as\n%s\nwhich is refused: %v", data, text, err)
		}
		if diff := cmp.Diff(cfg, again); diff != "" {
			t.Fatalf("Parse(%q) was written as\n%s\nwhich differs:\n%s", data, text, diff)
		}
	})
}
