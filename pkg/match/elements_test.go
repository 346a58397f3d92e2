package match

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/valyala/fastjson"
	"github.com/zeebo/xxh3"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// launch is what a log says of one call: items with an id, an image and a size, and addresses inside.
type launch struct {
	Items []item `json:"items,omitempty"`
}

type item struct {
	ID    string   `json:"id,omitempty"`
	Image string   `json:"image,omitempty"`
	Size  int      `json:"size,omitempty"`
	IPs   []string `json:"ips,omitempty"`
}

func elementKey(t *rapid.T, path string) rule.Key {
	k, err := rule.ParseKey("response.items[]."+path, event.API)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// row is one element as the definition of Elements has it, written out for this one shape of log.
type row struct{ id, image, size, ip string }

func (l launch) rows(withIPs bool) (rows []row) {
	for _, it := range l.Items {
		r := row{id: it.ID, image: it.Image}
		if it.Size > 0 {
			r.size = fmt.Sprint(it.Size)
		}
		if !withIPs || len(it.IPs) == 0 {
			rows = append(rows, r)
			continue
		}
		for _, ip := range it.IPs {
			r.ip = ip
			rows = append(rows, r)
		}
	}
	if len(rows) == 0 {
		rows = append(rows, row{})
	}
	return rows
}

func (r row) value(path string) string {
	return map[string]string{"id": r.id, "image": r.image, "size": r.size, "ips[]": r.ip}[path]
}

// elementSignal is what of a signal the definition speaks of.
type elementSignal struct {
	Count  uint64
	Sum    float64
	Hashes []uint64
	Events []string
}

// Signals of rules with [] are those that the definition gives, whatever arrays the log has. Each of these, deleted, makes it
// fail: the return for an empty group value in foldElements, f.event != m.event there, f.event in count, the clearing of
// values in below and in take.
func TestElementsAreThoseOfTheDefinition(t *testing.T) {
	t.Parallel()
	word := func(t *rapid.T, letters string) string {
		return rapid.SampledFrom(append(strings.Split(letters, ""), "")).Draw(t, "word")
	}
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]string{"match", "threshold", "distinct", "sum", "first_seen"}).Draw(t, "kind")
		paths := []string{"id", "image", "size", "ips[]"}
		group := rapid.SampledFrom([]string{"", "id", "image", "ips[]"}).Draw(t, "group")
		of := rapid.SampledFrom(paths).Draw(t, "of")
		r := &rule.Rule{ID: "r", Hash: "h", Mode: rule.Live, GroupBy: []rule.Key{key("actor")}, Dedup: time.Hour, Capture: []rule.Key{key("actor")}}
		if group != "" {
			r.GroupBy = append(r.GroupBy, elementKey(t, group))
		}
		withIPs := group == "ips[]"
		switch kind {
		case "threshold":
			r.Threshold = &rule.Threshold{Count: 2, Within: time.Hour}
		case "distinct":
			r.Distinct, withIPs = &rule.Distinct{Of: elementKey(t, of), Count: 5, Within: time.Hour}, withIPs || of == "ips[]"
		case "sum":
			of = "size"
			r.Sum = &rule.Sum{Of: elementKey(t, of), Total: 5, Within: time.Hour}
		case "first_seen":
			r.FirstSeen, withIPs = &rule.FirstSeen{Value: []rule.Key{elementKey(t, of), elementKey(t, "image")}}, withIPs || of == "ips[]"
		}
		m := newMatcher([]*rule.Rule{r}, all([]*rule.Rule{r}))
		m.Begin()
		want := map[string]*elementSignal{}
		for n := range rapid.IntRange(1, 4).Draw(t, "events") {
			var l launch
			for range rapid.IntRange(0, 4).Draw(t, "items") {
				l.Items = append(l.Items, item{ID: word(t, "ab"), Image: word(t, "xy"), Size: rapid.IntRange(0, 3).Draw(t, "size"),
					IPs: rapid.SliceOfN(rapid.SampledFrom([]string{"1", "2", ""}), 0, 3).Draw(t, "ips")})
			}
			e := newEvent(n+1, second, 1, "Launch", event.Success)
			raw, _ := json.Marshal(l)
			e.SetObject(event.Response, event.Object{Raw: string(raw), Value: fastjson.MustParseBytes(raw)})
			m.Event(e)
			expect(want, r, l.rows(withIPs), e.UID.String(), group, of)
		}
		got := map[string]*elementSignal{}
		for _, s := range m.Signals(1)[0] {
			g := &elementSignal{Count: s.Count, Sum: s.Sum, Hashes: s.Hashes}
			for _, sample := range s.Samples {
				g.Events = append(g.Events, sample.EventUID)
			}
			got[strings.Join(s.Key, ",")+"="+s.Value] = g
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s of %s by %s (-want +got):\n%s", kind, of, group, diff)
		}
	})
}

// expect adds what one event must give.
func expect(want map[string]*elementSignal, r *rule.Rule, rows []row, uid, group, of string) {
	if group == "" && r.Distinct == nil && r.Sum == nil && r.FirstSeen == nil {
		rows = rows[:1] // nothing has []
	}
	for _, row := range rows {
		at := "eva"
		if group != "" {
			at += "," + row.value(group)
			if row.value(group) == "" {
				continue
			}
		}
		at += "="
		if r.FirstSeen != nil {
			if row.value(of) == "" && row.image == "" {
				continue
			}
			at += string(quote([]string{row.value(of), row.image}))
		}
		s := want[at]
		if s == nil {
			s = &elementSignal{}
			want[at] = s
		}
		if !slices.Contains(s.Events, uid) {
			s.Events = append(s.Events, uid)
			s.Count++
		}
		if n := 0; r.Sum != nil {
			_, _ = fmt.Sscan(row.size, &n)
			s.Sum += float64(n)
		}
		if v := row.value(of); r.Distinct != nil && v != "" {
			s.Hashes = append(s.Hashes, xxh3.HashString(v))
			slices.Sort(s.Hashes)
			s.Hashes = slices.Compact(s.Hashes)
		}
	}
}

// Deleting the bound in foldElements makes it fail.
func TestElementsOfARuleAreBounded(t *testing.T) {
	t.Parallel()
	k, err := rule.ParseKey("response.ids[]", event.API)
	if err != nil {
		t.Fatal(err)
	}
	rules := []*rule.Rule{{ID: "r", Hash: "h", Mode: rule.Live, GroupBy: []rule.Key{k}, Dedup: time.Hour}}
	raw := `{"ids":[` + strings.Repeat(`"i",`, MaxElements) + `"j"`
	for n := range MaxElements + 50 {
		raw += fmt.Sprintf(`,"i-%d"`, n)
	}
	raw += "]}"
	e := newEvent(1, second, 7, "A", event.Success)
	e.SetObject(event.Response, event.Object{Raw: raw, Value: fastjson.MustParse(raw)})
	m := newMatcher(rules, all(rules))
	if got := signalsOf(m, []*event.Event{e}, 1)[0]; len(got) != MaxElements || m.Matches()["r"] != 1 {
		t.Errorf("%d signals of %d matches, want %d of 1", len(got), m.Matches()["r"], MaxElements)
	}
}

// What a flood costs: a match that folds into a signal that is there allocates nothing, but for rules with [].
func TestMatchesWithoutElementsAllocateNothing(t *testing.T) {
	rules := testRules()[:2]
	m := newMatcher(rules, all(rules))
	m.Begin()
	for n := range MaxSamples + 1 {
		m.Event(newEvent(n, int64(n), 7, "A", event.Success))
	}
	e := newEvent(99, second-1, 7, "A", event.Success)
	for _, r := range rules {
		if n := testing.AllocsPerRun(50, func() { m.event++; m.severity = "low"; m.fold(m.plans[r], e) }); n > 0 {
			t.Errorf("%s: %v allocations a match", r.ID, n)
		}
	}
}
