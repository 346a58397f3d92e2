package rule

import "github.com/shrike-sec/shrike/pkg/event"

// condition is a compiled `when`.
type condition struct {
	holds func(*event.Event) bool
}

func (r *Rule) matches(e *event.Event) bool {
	return r.Mode != Off && r.Class == e.Class &&
		(r.Outcome == "any" || r.Outcome == e.Text(event.Outcome)) && r.cond.holds(e)
}
