package alert

import (
	"encoding/json"
	"maps"
	"net/netip"
	"slices"

	"github.com/valyala/fastjson"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/record"
)

// Levels returns the severities that the alert has reached, lowest first, for each of which it is an event of class alert:
// none of one that is about no class of logs but about Shrike itself, so that no rule is ever a cause of what it reads. An
// alert that does not say (of an older version, or written by hand) has reached its severity with its last event.
func (a *Alert) Levels() []Reached {
	switch {
	case len(a.Classes) == 0:
		return nil
	case len(a.Reached) > 0:
		return a.Reached
	}
	return []Reached{{Severity: a.Severity, EventTime: a.LastEventTime, Revision: a.Revision}}
}

// AtOnce returns the alert as if this revision were the first: it tells of all that was reached.
func (a Alert) AtOnce() Alert {
	a.Reached = slices.Clone(a.Levels())
	for i := range a.Reached {
		a.Reached[i].Revision = a.Revision
	}
	return a
}

// Events turns alerts into events of class alert. It is not safe for concurrent use. The zero value is ready.
type Events struct {
	event  event.Event
	parser fastjson.Parser
}

// Of returns the alert as the event that it is with one of its Levels; it is valid until the next call. Its id is that of the
// alert and the severity: an alert that is told again is the same event again.
func (s *Events) Of(a *Alert, l Reached) *event.Event {
	e := &s.event
	e.Reset(event.Alert, nil)
	e.UID = event.NewUID("alert", a.ID+" "+l.Severity, record.Origin{}, nil, 0)
	e.SetUnixNano(event.EventTime, l.EventTime.UnixNano())
	e.SetText(event.NativeID, a.ID)
	e.SetText(event.RuleID, a.RuleID)
	e.SetText(event.Severity, l.Severity)
	e.SetText(event.AlertTitle, a.Title)
	e.SetInt(event.AlertCount, int64(a.Count))
	e.SetText(event.EntityKind, a.Entity.Kind)
	e.SetText(event.EntityID, a.Entity.ID)
	addAll(e, event.Attack, a.Attack)
	addAll(e, event.Tags, a.Tags)
	addAll(e, event.AlertClasses, a.Classes)
	s.group(e, a.Group)
	for _, name := range joins() {
		fill(e, event.Lookup(name), a.shown(name))
	}
	return e
}

func addAll(e *event.Event, f event.ListField, values []string) {
	for _, v := range values {
		e.AddList(f, v)
	}
}

// group sets the object group.
func (s *Events) group(e *event.Event, group map[string]string) {
	if len(group) == 0 {
		return
	}
	raw := []byte{'{'}
	for i, name := range slices.Sorted(maps.Keys(group)) {
		if i > 0 {
			raw = append(raw, ',')
		}
		raw = append(event.AppendQuoted(raw, name), ':')
		raw = event.AppendQuoted(raw, group[name])
	}
	raw = append(raw, '}')
	v, err := s.parser.ParseBytes(raw)
	if err != nil {
		panic("BUG: parse the JSON of a map of texts: " + err.Error())
	}
	e.SetObject(event.Group, event.Object{Raw: string(raw), Value: v})
}

// joins lists the fields of logs that events of class alert have: those by which alerts of different rules are about the
// same thing.
func joins() []string {
	return []string{"account_id", "region", "src_ip", "actor", "actor_name", "access_key_id", "bucket_name", "interface_id"}
}

// shown returns a field's value: that of the group, else of the first event that has it.
func (a *Alert) shown(field string) string {
	if v := a.Group[field]; v != "" {
		return v
	}
	for i := range a.Events {
		var v string
		if json.Unmarshal(a.Events[i].Fields[field], &v) == nil && v != "" {
			return v
		}
	}
	return ""
}

// fill sets a field from its text; what is no value of it is missing.
func fill(e *event.Event, f *event.Field, v string) {
	switch f.Type {
	case event.TypeText:
		e.SetText(f.TextField(), v)
	case event.TypeAddr:
		if addr, err := netip.ParseAddr(v); err == nil {
			e.SetAddr(f.AddrField(), addr)
		}
	}
}
