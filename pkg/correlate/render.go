package correlate

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// view is all that an alert is rendered from.
type view struct {
	rule       *rule.Rule
	names      *names
	key        []string        // values of group_by
	id         []string        // what the alert's id is made of, beside rule and period
	period     int64           // likewise
	said       map[string]said // kinds baseline, distinct and sum: what value and usual stand for
	tally      *tally
	events     []alert.Sample   // nil: those of tally
	steps      [][]alert.Sample // kind sequence: of each step
	start, end int64            // the period, Unix nanoseconds
	late       bool
	reached    *reached // nil: all at once, with the last event

	group map[string]string
}

// render writes the alert of a period.
func (g *groups) render(k *group, a *open, offset int64) alert.Alert {
	key := unpackKey(k.key)
	v := view{
		rule: g.rule, names: g.names, key: key, id: key, period: a.period, tally: &a.tally,
		start: a.period * g.period, end: (a.period + 1) * g.period, late: a.late, reached: &a.reached, said: a.said(g.rule),
	}
	return v.alert(offset)
}

// alert renders the view as of a signals offset.
func (v *view) alert(offset int64) alert.Alert {
	r := v.rule
	a := alert.Alert{
		Schema: 1, ID: alert.NewID(r.Hash, r.ID, v.id, v.period), Revision: offset + 1, Status: "open",
		RuleID: r.ID, RuleVersion: r.Version, Severity: rule.SeverityWord(v.tally.severity),
		Attack: r.Attack, Tags: r.Tags, Classes: classNames(r),
		Group:          map[string]string{},
		Period:         alert.Period{Start: utc(v.start), End: utc(v.end)},
		FirstEventTime: utc(v.tally.first), LastEventTime: utc(v.tally.last),
		Count: v.tally.count, Late: v.late, Events: v.events,
		FalsePositives: r.FalsePositives, References: r.References,
	}
	if v.reached != nil {
		a.Reached = v.reached.tell(v.tally.first, a.Revision)
	} else {
		a.Reached = atOnce(r, v.tally.severity, v.tally.last, a.Revision)
	}
	if a.Events == nil {
		a.Events = v.names.samples(v.key, v.tally.samples)
		v.events = a.Events
	}
	for i, k := range r.GroupBy {
		if i >= len(v.key) {
			break
		}
		a.Group[k.Name] = v.key[i]
		if a.Entity.Kind == "" && len(k.Path) == 0 && k.Field.Entity != "" && v.key[i] != "" {
			a.Entity = alert.Entity{Kind: string(k.Field.Entity), ID: v.key[i]}
		}
	}
	v.group = a.Group
	a.Title = r.Title.Render(v.word)
	a.Runbook = r.Runbook.Render(v.word)
	for _, p := range r.Pivots {
		a.Pivots = append(a.Pivots, alert.Pivot{Name: p.Name, SQL: Fill(p.SQL, v.values)})
	}
	return a
}

func classNames(r *rule.Rule) []string {
	var names []string
	for _, c := range r.Classes() {
		names = append(names, c.String())
	}
	return names
}

// maxWord is how many characters of a value a title or runbook shows.
const maxWord = 200

// word returns what {name} in a title or runbook becomes: one line, of bounded length, whatever the log said.
func (v *view) word(name string) string {
	if name == "count" {
		return strconv.FormatUint(v.tally.count, 10)
	}
	if s, ok := v.said[name]; ok {
		return s.words
	}
	text := strings.Join(v.values(name), ", ")
	var b strings.Builder
	n := 0
	for _, r := range text {
		if n++; n > maxWord {
			b.WriteRune('…')
			break
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}

// values returns the value or, of a list, values that name has in this alert: in its group, else its first sample.
func (v *view) values(name string) []string {
	switch name {
	case "first_event_time":
		return []string{utc(v.tally.first).Format(time.RFC3339Nano)}
	case "last_event_time":
		return []string{utc(v.tally.last).Format(time.RFC3339Nano)}
	case "count":
		return []string{strconv.FormatUint(v.tally.count, 10)}
	}
	if s, ok := v.said[name]; ok {
		return []string{strconv.FormatFloat(s.number, 'f', -1, 64)}
	}
	if s, ok := v.group[name]; ok {
		return []string{s}
	}
	raw, ok := v.field(name)
	if !ok {
		return nil
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		list = []json.RawMessage{raw}
	}
	out := make([]string, 0, len(list))
	for _, el := range list {
		out = append(out, plain(el))
	}
	return out
}

// field returns what the alert's first event has of a field; of a sequence, step.field is that of the step's first event
// that has it.
func (v *view) field(name string) (json.RawMessage, bool) {
	if v.rule.Sequence == nil {
		if len(v.events) == 0 {
			return nil, false
		}
		raw, ok := v.events[0].Fields[name]
		return raw, ok
	}
	step, name, _ := strings.Cut(name, ".")
	for _, list := range v.steps {
		for i := range list {
			if raw, ok := list[i].Fields[name]; ok && list[i].Step == step {
				return raw, true
			}
		}
	}
	return nil, false
}

// plain returns a JSON value as text: strings without quotes, all else as JSON.
func plain(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

func utc(ns int64) time.Time { return time.Unix(0, ns).UTC() }
