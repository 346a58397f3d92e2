package detections_test

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/detections"
	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse"
	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse/clickhousetest"
	"github.com/shrike-sec/shrike/pkg/store"
)

func TestMain(m *testing.M) { clickhousetest.Main(m) }

// places are the parameters of pivots; an alert fills them in as literals.
var places = regexp.MustCompile(`\{[^{}:]+:([^{}]+)\}`)

func literal(place string) string {
	switch typ := places.FindStringSubmatch(place)[1]; {
	case strings.HasPrefix(typ, "DateTime"):
		return "'2026-03-01 09:00:00.5'"
	case typ == "IPv6":
		return "toIPv6('203.0.113.9')"
	case typ == "String":
		return "'x'"
	}
	return "1"
}

// TestQueriesRun: the real engine, with our schema and as a user who may only read, takes every hunt and every pivot.
func TestQueriesRun(t *testing.T) {
	t.Parallel()
	d := clickhousetest.Start(t)
	cfg := store.Config{Addrs: []string{d.Server.Addr()}, Database: d.Name, User: clickhouse.ServiceUser, Password: d.Server.Password()}
	s, err := store.Open(t.Context(), cfg, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if _, err := s.Migrate(t.Context(), store.MigrateOptions{}); err != nil {
		t.Fatal(err)
	}
	cfg.User, cfg.Password = clickhouse.HunterUser, d.Server.HunterPassword()
	hunter, err := store.OpenHunter(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = hunter.Close() }()

	queries := map[string]string{}
	files, err := fs.Glob(detections.FS, "hunts/*.sql")
	if err != nil || len(files) < 6 {
		t.Fatalf("%d hunts, %v", len(files), err)
	}
	for _, f := range files {
		text, err := fs.ReadFile(detections.FS, f)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(text), "-- ") {
			t.Errorf("%s: the first line does not say what it finds", f)
		}
		queries[f] = string(text)
	}
	for _, r := range load(t).Rules() {
		if len(r.Pivots) == 0 {
			t.Errorf("%s has no pivot", r.ID)
		}
		for _, p := range r.Pivots {
			queries[r.ID+": "+p.Name] = places.ReplaceAllStringFunc(p.SQL, literal)
		}
	}
	for name, sql := range queries {
		rows, err := hunter.Hunt(t.Context(), sql, nil, store.Limits{})
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, sql)
			continue
		}
		if err := rows.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
