package correlate

import (
	"fmt"
	"testing"
	"time"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// An alert that is told again is one match, also after its windows were looked at; deleting again's use in groups.signal
// makes it fail. It is known for as long as its window can fire, and no longer.
func TestAlertsThatComeAgainCountOnce(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(*rule.Rule){
		"threshold": func(r *rule.Rule) { r.Threshold = &rule.Threshold{Count: 3, Within: time.Hour} },
		"match":     func(r *rule.Rule) { r.Dedup = time.Hour },
		"sum":       func(r *rule.Rule) { r.Sum = &rule.Sum{Of: key("count"), Total: 1, Within: time.Hour} },
	} {
		r := testRule(name, func(r *rule.Rule) { r.Class = event.Alert; set(r) })
		if match.Bucket(r) != 0 {
			t.Fatalf("%s over alerts is combined, and its alerts cannot be told apart", name)
		}
		g := newEngine([]*rule.Rule{r}, Options{})
		var last string
		for n, id := range []int{1, 2, 2, 1, 3, 3, 2, 3} {
			s := hit{uid: fmt.Sprintf("%032x", id), at: int64(id) * second, actor: "eva", severity: "low", sum: 1}.signal(r)
			for _, a := range g.Apply(frame(0, int64(n), int64(n+1), 0, s), int64(n)).Alerts {
				last = fmt.Sprintf("%d of revision %d", a.Count, a.Revision)
			}
		}
		if want := "3 of revision 5"; last != want {
			t.Errorf("%s: the last alert counts %s, want %s", name, last, want)
		}
		k := g.rules[name].kind.(*groups)
		if g.Apply(frame(0, 20, 21, int64(5*time.Hour)), 21); len(k.byKey) != 0 || k.bytes != 0 {
			t.Errorf("%s: %d keys and %d bytes are left behind all windows", name, len(k.byKey), k.bytes)
		}
	}
}

// What forbids is an alert, which comes behind the watermark of the logs; deleting the subtraction in past makes it fail.
func TestRulesOverAlertsDecideLater(t *testing.T) {
	t.Parallel()
	step := func(name string, c event.Class, unless bool) *rule.Step {
		return &rule.Step{Name: name, Class: c, Outcome: "any", Unless: unless, By: []rule.Key{key("actor")}}
	}
	r := testRule("quiet", func(r *rule.Rule) {
		r.Class, r.Sequence = event.None, &rule.Sequence{Within: time.Hour, Ordered: true, Steps: []*rule.Step{
			step("log", event.API, false), step("more", event.API, false), step("told", event.Alert, true),
		}}
	})
	signal := func(name string, n int, at int64) match.Signal {
		s := hitAt(r, n, "eva", at)
		s.Step = name
		return s
	}
	hour := int64(time.Hour)
	for _, c := range []struct {
		told int64 // when the alert that forbids arrives: the watermark of then
		want int
	}{{hour + 59*second, 0}, {hour + 61*second + second, 1}} {
		g := newEngine([]*rule.Rule{r}, Options{})
		alerts := len(g.Apply(frame(0, 0, 1, second, signal("log", 1, 0), signal("more", 2, second)), 0).Alerts)
		alerts += len(g.Apply(frame(0, 1, 2, c.told), 1).Alerts)
		alerts += len(g.Apply(frame(1, 0, 1, 1<<62, signal("told", 3, hour/2)), 2).Alerts)
		alerts += len(g.Finish().Alerts)
		if alerts != c.want {
			t.Errorf("forbidden when the watermark was at %s: %d alerts, want %d", time.Duration(c.told), alerts, c.want)
		}
	}
}
