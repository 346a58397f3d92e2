package correlate

import "math"

// state is what a rule keeps of its groups. Over its bounds, those that have been without a signal for longest go, and are
// counted.
type state[T member[T]] struct {
	byKey      map[string]T
	head, tail T // of the list of all groups, the stalest first
	bytes      int64
	maxKeys    int
	maxBytes   int64
	evicted    uint64
	buf        []byte // scratch: packed key
}

// member is a pointer to what a kind keeps of one group: a struct that has an entry in it.
type member[T any] interface {
	comparable
	self() *entry[T]
	bytes() int64 // what it takes of memory, about
}

// entry is what state knows of a group. The list goes through the groups themselves: as a list of its own it would cost each
// of them 56 bytes more.
type entry[T any] struct {
	key        string // packed values of group_by
	size       int64  // as counted in state.bytes
	prev, next T
}

func (e *entry[T]) self() *entry[T] { return e }

func newState[T member[T]](o Options) state[T] {
	return state[T]{byKey: map[string]T{}, maxKeys: o.MaxKeys, maxBytes: o.MaxBytes}
}

// find returns the group of a key, nil when there is none, and the packed key, which is valid until the next find.
func (s *state[T]) find(key []string) (k T, packed []byte) {
	s.buf = packKey(s.buf[:0], key)
	return s.byKey[string(s.buf)], s.buf
}

// keep takes a new group in, as the one that has just had a signal.
func (s *state[T]) keep(k T, packed []byte) {
	e := k.self()
	e.key = string(packed)
	s.byKey[e.key] = k
	s.push(k, e)
}

// has reports whether the group was not removed.
func (s *state[T]) has(k T) bool { return s.byKey[k.self().key] == k }

// renew says that the group has had a signal.
func (s *state[T]) renew(k T) {
	if s.tail != k {
		e := k.self()
		s.unlink(e)
		s.push(k, e)
	}
}

// resize counts the group's memory anew.
func (s *state[T]) resize(k T) {
	e, size := k.self(), k.bytes()
	s.bytes += size - e.size
	e.size = size
}

func (s *state[T]) remove(k T) {
	e := k.self()
	s.unlink(e)
	delete(s.byKey, e.key)
	s.bytes -= e.size
}

// bound drops the stalest groups while there is more than allowed.
func (s *state[T]) bound(drop func(T)) {
	var none T
	for s.head != none && (len(s.byKey) > s.maxKeys || s.bytes > s.maxBytes) {
		drop(s.head)
		s.evicted++
	}
}

func (s *state[T]) push(k T, e *entry[T]) {
	var none T
	e.prev, e.next = s.tail, none
	if s.tail != none {
		s.tail.self().next = k
	} else {
		s.head = k
	}
	s.tail = k
}

func (s *state[T]) unlink(e *entry[T]) {
	var none T
	if e.prev != none {
		e.prev.self().next = e.next
	} else {
		s.head = e.next
	}
	if e.next != none {
		e.next.self().prev = e.prev
	} else {
		s.tail = e.prev
	}
	e.prev, e.next = none, none
}

func (s *state[T]) stats(rule string) RuleStats {
	return RuleStats{Rule: rule, Keys: len(s.byKey), Bytes: s.bytes, Evicted: s.evicted}
}

// eighth reports whether time has gone on by an eighth of what is kept since state was dropped last: looking at every group
// each time that the watermark moves would cost more than the memory is worth.
func eighth(now, last, kept int64) bool { return last == math.MinInt64 || now >= last+kept/8 }
