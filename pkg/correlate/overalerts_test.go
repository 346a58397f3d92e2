package correlate

import (
	"fmt"
	"math"
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
		g.Apply(frame(0, 20, 21, int64(5*time.Hour)), 20)
		g.Apply(heard(0), 21)
		if len(k.byKey) != 1 {
			t.Errorf("%s: %d keys, want one while alerts of the time may still come", name, len(k.byKey))
		}
		if g.Apply(heard(1), 22); len(k.byKey) != 0 || k.bytes != 0 {
			t.Errorf("%s: %d keys and %d bytes are left behind all windows", name, len(k.byKey), k.bytes)
		}
	}
}

// heard is the n-th frame of the alerts' partition, AlertDelay after the one before.
func heard(n int64, signals ...match.Signal) *match.Frame {
	f := frame(0, n, n+1, math.MaxInt64, signals...)
	f.Origin.Topic, f.Alerts, f.Clock = "alerts", true, 1<<60+n*int64(AlertDelay)
	return f
}

// What forbids is an alert, which comes behind the watermark of the logs: time for such a rule is what the watermark was
// AlertDelay ago. Deleting either line behind the comparison in hear makes it fail, or the comparison, or watermarkOf's case.
func TestTimeOfRulesOverAlerts(t *testing.T) {
	t.Parallel()
	step := func(name string, c event.Class, unless bool) *rule.Step {
		return &rule.Step{Name: name, Class: c, Outcome: "any", Unless: unless, By: []rule.Key{key("actor")}}
	}
	r := testRule("quiet", func(r *rule.Rule) {
		r.Class, r.Sequence = event.None, &rule.Sequence{Within: time.Hour, Ordered: true, Steps: []*rule.Step{
			step("log", event.API, false), step("more", event.API, false), step("told", event.Alert, true),
		}}
	})
	signal := func(name, actor string, n int, at int64) match.Signal {
		s := hitAt(r, n, actor, at)
		s.Step = name
		return s
	}
	hour := int64(time.Hour)
	soon := heard(1)
	soon.Clock--
	for name, c := range map[string]struct {
		heard []*match.Frame // of the alerts, before the one that forbids
		want  int
	}{
		"at once":          {nil, 0},
		"within the delay": {[]*match.Frame{heard(0), soon}, 0},
		"after the delay":  {[]*match.Frame{heard(0), heard(1)}, 1},
	} {
		g := newEngine([]*rule.Rule{r}, Options{})
		alerts := len(g.Apply(frame(0, 0, 1, second, signal("log", "eva", 1, 0), signal("more", "eva", 2, second)), 0).Alerts)
		alerts += len(g.Apply(frame(0, 1, 2, 3*hour), 1).Alerts)
		for i, f := range c.heard {
			alerts += len(g.Apply(f, int64(2+i)).Alerts)
		}
		alerts += len(g.Apply(heard(2, signal("told", "eva", 3, hour/2)), 5).Alerts)
		if alerts += len(g.Finish().Alerts); alerts != c.want {
			t.Errorf("forbidden %s: %d alerts, want %d", name, alerts, c.want)
		}
	}
}

// Where a backlog is worked off, the logs are hours ahead of the alerts that they cause. Deleting watermarkOf's case makes it
// fail: what waits for the third alert would be gone.
func TestAlertsMayBeFarBehindTheLogs(t *testing.T) {
	t.Parallel()
	r := testRule("chain", func(r *rule.Rule) {
		r.Class, r.Threshold = event.Alert, &rule.Threshold{Count: 3, Within: time.Hour}
	})
	g := newEngine([]*rule.Rule{r}, Options{})
	alerts := 0
	for n := range int64(3) {
		g.Apply(frame(0, n, n+1, (n+1)*int64(24*time.Hour)), 2*n)
		f := heard(n, hitAt(r, int(n), "eva", n*second))
		f.Clock = 1<<60 + n*second
		alerts += len(g.Apply(f, 2*n+1).Alerts)
	}
	if alerts != 1 {
		t.Errorf("%d alerts, want 1", alerts)
	}
}

// Time of rules over alerts waits for the slowest of the alerts' partitions, goes on when a clock was put back, and is where it
// was when a replay ends, however high a watermark the replay met. Deleting the min in hear, its case for clocks, or either of
// alerts and before in origins.resume makes it fail.
func TestWhatTimeItIsForAlerts(t *testing.T) {
	t.Parallel()
	watch := func(g *Engine) func(watermark, clock int64, partition int) int64 {
		n := int64(0)
		return func(watermark, clock int64, partition int) int64 {
			n++
			g.Apply(frame(0, n, n+1, watermark), 2*n)
			f := heard(n)
			f.Origin.Partition, f.Clock = partition, 1<<60+clock*second
			g.Apply(f, 2*n+1)
			return g.origins.alerts
		}
	}
	for name, c := range map[string]struct {
		resumes bool
		steps   [][4]int64 // watermark, clock in seconds, partition; what time it is then
	}{
		"two partitions": {false, [][4]int64{
			{10, 0, 0, math.MinInt64}, {20, 0, 1, math.MinInt64}, {30, 15, 0, math.MinInt64}, {40, 15, 1, 10}, {50, 30, 1, 10}, {60, 30, 0, 40},
		}},
		"put back": {false, [][4]int64{{10, 1000, 0, math.MinInt64}, {20, 1010, 0, 10}, {30, 0, 0, 10}, {40, 10, 0, 30}}},
		"replayed": {true, [][4]int64{{1000, 0, 0, math.MinInt64}, {2000, 10, 0, 1000}, {2000, 20, 0, 2000}, {31, 30, 0, 7}, {41, 40, 0, 31}}},
	} {
		g := newEngine([]*rule.Rule{testRule("any", func(r *rule.Rule) { r.Class = event.Alert })}, Options{})
		if c.resumes {
			g.Resume(Progress{Offset: 8, Watermark: 30, Clock: math.MinInt64, Alerts: 7})
		}
		tell := watch(g)
		for i, s := range c.steps {
			if got := tell(s[0], s[1], int(s[2])); got != s[3] {
				t.Errorf("%s, step %d: time is %d, want %d", name, i, got, s[3])
			}
		}
	}
}
