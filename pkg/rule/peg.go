package rule

import (
	"maps"
	"slices"

	"github.com/shrike-sec/shrike/pkg/event"
)

// peg is one value of a field, with what hangs on it.
type peg struct{ targets []hung }

// fieldIndex has the pegs of a text field or of a number.
type fieldIndex struct {
	field   *event.Field
	text    event.TextField
	texts   map[string]*peg // nil for a number
	fold    bool            // the texts are folded, and the longest has so many bytes
	longest int
	number  event.IntField
	ints    map[int64]*peg
}

// find returns the peg of the event's value, nil when there is none.
func (x *fieldIndex) find(e *event.Event) *peg {
	if x.texts == nil {
		if v, ok := e.Int(x.number); ok {
			return x.ints[v]
		}
		return nil
	}
	v := e.Text(x.text)
	if !x.fold {
		return x.texts[v]
	}
	var room [128]byte
	b, ok := appendFolded(room[:0], v, x.longest)
	if !ok {
		return nil
	}
	return x.texts[string(b)]
}

// fieldOf returns where the field of q is among those of the index, -1 when it is not.
func (ix *index) fieldOf(q requirement) int {
	return slices.IndexFunc(ix.fields, func(x fieldIndex) bool { return x.field == q.field && x.fold == q.fold })
}

// addField has the index look at the field of q.
func (ix *index) addField(q requirement) {
	if ix.fieldOf(q) >= 0 {
		return
	}
	x := fieldIndex{field: q.field, fold: q.fold}
	if q.field.Type == event.TypeText {
		x.text, x.texts = q.field.TextField(), map[string]*peg{}
	} else {
		x.number, x.ints = q.field.IntField(), map[int64]*peg{}
	}
	ix.fields = append(ix.fields, x)
}

// pegs returns those of the values of q, whose field the index looks at.
func (ix *index) pegs(q requirement) []*peg {
	x := &ix.fields[ix.fieldOf(q)]
	var all []*peg
	for _, v := range slices.Sorted(maps.Keys(q.texts)) {
		x.longest = max(x.longest, len(v))
		all = append(all, pegOf(x.texts, v))
	}
	for _, v := range slices.Sorted(maps.Keys(q.ints)) {
		all = append(all, pegOf(x.ints, v))
	}
	return all
}

func pegOf[K comparable](pegs map[K]*peg, value K) *peg {
	if pegs[value] == nil {
		pegs[value] = &peg{}
	}
	return pegs[value]
}
