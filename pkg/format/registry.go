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
	i, _ := r.sniff(raw, -1, nil)
	if i < 0 {
		return Spec{}, false
	}
	return r.specs[i], true
}

// sniff returns the index of the surest format and how sure it is; -1 when none takes raw. The format at index
// without is not asked; of two equally sure ones, preferred (by index, may be nil) wins.
func (r *Registry) sniff(raw []byte, without int, preferred []bool) (index, score int) {
	index = -1
	for i := range r.specs {
		if i == without || r.specs[i].Sniff == nil {
			continue
		}
		s := r.specs[i].Sniff(raw)
		if s > score || s > 0 && s == score && preferred != nil && preferred[i] && !preferred[index] {
			index, score = i, s
		}
	}
	return index, score
}

// keyed says of each format, by index, whether an object of that key is one of its; nil when it is none's.
func (r *Registry) keyed(object string) []bool {
	var of []bool
	for i := range r.specs {
		if r.specs[i].Key != nil && r.specs[i].Key(object) {
			if of == nil {
				of = make([]bool, len(r.specs))
			}
			of[i] = true
		}
	}
	return of
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
