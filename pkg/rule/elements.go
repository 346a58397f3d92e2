package rule

import (
	"fmt"
	"slices"

	"github.com/valyala/fastjson"

	"github.com/shrike-sec/shrike/pkg/event"
)

// Elements says how the values of several keys of one event go together where some have a [] in their path: keys through
// the same array speak of the same element, and of arrays inside one another, of an element and those inside it. It is
// immutable and safe for concurrent use.
type Elements struct {
	keys  []Key
	field event.ObjectField
	spine []string // the longest way to an array's elements; the others are beginnings of it
}

// NewElements returns how the values of keys go together, nil when none has a []. A key without a field has no value. The
// error says which two go through arrays that are not inside one another: each element of the one would go with each of the
// other, which says nothing about either.
func NewElements(keys []Key) (*Elements, error) {
	var longest Key
	for _, k := range keys {
		switch {
		case !k.Several():
		case !longest.Several():
			longest = k
		case !leads(longest, k) && !leads(k, longest):
			return nil, fmt.Errorf("%s and %s go through different arrays: which of their elements belong together?", longest.Name, k.Name)
		case k.toElement() > longest.toElement():
			longest = k
		}
	}
	if !longest.Several() {
		return nil, nil
	}
	return &Elements{keys: keys, field: longest.Field.ObjectField(), spine: longest.Path[:longest.toElement()]}, nil
}

// leads reports whether the way to the elements of a is a beginning of the way to those of b.
func leads(a, b Key) bool {
	n := a.toElement()
	return a.Field == b.Field && n <= b.toElement() && slices.Equal(a.Path[:n], b.Path[:n])
}

// Several reports whether the key has a value for each element of an array: a [] in its path.
func (k Key) Several() bool { return k.toElement() > 0 }

// toElement returns how much of the path leads to the elements of the innermost array, 0 when it has no [].
func (k Key) toElement() int {
	for i := len(k.Path); i > 0; i-- {
		if k.Path[i-1] == "[]" {
			return i
		}
	}
	return 0
}

// Each calls found with the keys' values as text, "" for what is missing, for each element of the innermost array, in the
// order of the log, until found returns false. An array that is missing or empty counts as one element without any value.
// The values are valid only during the call.
func (s *Elements) Each(e *event.Event, found func(values []string) bool) {
	w := elementWalk{Elements: s, values: make([]string, len(s.keys)), found: found}
	for i, k := range s.keys {
		if k.Field != nil && !k.Several() {
			w.values[i] = k.Text(e)
		}
	}
	w.below(e.Object(s.field).Value, 0)
}

type elementWalk struct {
	*Elements
	values []string
	found  func([]string) bool
}

// below goes on from v, which lies at the beginning of the spine that at says, and reports whether to go on.
func (w *elementWalk) below(v *fastjson.Value, at int) bool {
	for ; at < len(w.spine) && w.spine[at] != "[]"; at++ {
		v = v.Get(w.spine[at])
	}
	if at == len(w.spine) {
		return w.found(w.values)
	}
	at++
	elements := v.GetArray()
	if len(elements) == 0 {
		for i, k := range w.keys {
			if k.toElement() >= at {
				w.values[i] = ""
			}
		}
		return w.found(w.values)
	}
	for _, el := range elements {
		w.take(el, at)
		if !w.below(el, at) {
			return false
		}
	}
	return true
}

// take sets the values of the keys that speak of this element.
func (w *elementWalk) take(el *fastjson.Value, at int) {
	for i, k := range w.keys {
		if k.toElement() == at {
			w.values[i] = ""
			walk(el, k.Path[at:], func(v *fastjson.Value) { w.values[i] = string(appendLeaf(nil, v)) })
		}
	}
}
