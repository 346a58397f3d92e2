package format

import "slices"

// Registry is the formats a program knows, in the order of preference when two are equally sure of a line. It never
// changes after NewRegistry and may be shared by goroutines.
type Registry struct {
	specs  []Spec
	byName map[string]int
}

// NewRegistry makes a Registry. Two formats of one name are a bug and panic.
func NewRegistry(specs []Spec) *Registry {
	r := &Registry{specs: slices.Clone(specs), byName: make(map[string]int, len(specs))}
	for i, s := range r.specs {
		if _, dup := r.byName[s.Name]; dup {
			panic("BUG: format " + s.Name + " is registered twice")
		}
		r.byName[s.Name] = i
	}
	return r
}

// Spec returns the format of that name.
func (r *Registry) Spec(name string) (Spec, bool) {
	i, ok := r.byName[name]
	if !ok {
		return Spec{}, false
	}
	return r.specs[i], true
}

// Specs returns all formats in order.
func (r *Registry) Specs() []Spec { return slices.Clone(r.specs) }

// Sniff returns the format that is surest that raw, one line or JSON value, is its own.
func (r *Registry) Sniff(raw []byte) (Spec, bool) {
	i, _ := r.sniff(raw, -1)
	if i < 0 {
		return Spec{}, false
	}
	return r.specs[i], true
}

// sniff returns the index of the surest format and how sure it is; -1 when none takes raw. The format at index
// without is not asked.
func (r *Registry) sniff(raw []byte, without int) (index, score int) {
	index = -1
	for i := range r.specs {
		if i == without || r.specs[i].Sniff == nil {
			continue
		}
		if s := r.specs[i].Sniff(raw); s > score {
			index, score = i, s
		}
	}
	return index, score
}

// header asks every format whether line names the columns of what follows.
func (r *Registry) header(line []byte) (index int, layout string, ok bool) {
	for i := range r.specs {
		if r.specs[i].Header == nil {
			continue
		}
		if layout, ok := r.specs[i].Header(line); ok {
			return i, layout, true
		}
	}
	return -1, "", false
}
