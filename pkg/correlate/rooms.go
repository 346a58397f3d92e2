package correlate

import (
	"container/list"
	"slices"

	"github.com/shrike-sec/shrike/pkg/correlate/sequence"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// rooms is where a sequence's events wait whose step does not give every key of the group: they belong to every group that
// agrees with the keys they have. Such a rule lives whole in one shard. Groups that share the keys which all steps give
// share a room; an event that belongs to many of them is kept by each.
type rooms struct {
	common []int  // keys of group_by that every step gives
	all    []bool // by step: whether it gives every key
	byKey  map[string]*room
}

type room struct {
	key    string
	events []partial
	chains map[*chain][]string // with the values of their keys
	size   int64
	place  *list.Element // nil while it has no events
}

// partial is a step's event and the keys it has, "" for those that it has not.
type partial struct {
	sequence.Mark
	step int
	key  []string
}

func newRooms(r *rule.Rule) *rooms {
	g := &rooms{byKey: map[string]*room{}}
	for i := range r.GroupBy {
		if !slices.ContainsFunc(r.Sequence.Steps, func(s *rule.Step) bool { return !s.Gives(i) }) {
			g.common = append(g.common, i)
		}
	}
	for _, s := range r.Sequence.Steps {
		g.all = append(g.all, s.GivesAll())
	}
	return g
}

// room finds or makes the room of a key.
func (g *rooms) room(key []string) *room {
	common := make([]string, len(g.common))
	for i, c := range g.common {
		common[i] = key[c]
	}
	name := string(packKey(nil, common))
	r := g.byKey[name]
	if r == nil {
		r = &room{key: name, chains: map[*chain][]string{}}
		g.byKey[name] = r
	}
	return r
}

// roomSignal is signal for rules with rooms.
func (g *sequences) roomSignal(key []string, step int, m sequence.Mark) {
	r := g.rooms.room(key)
	if g.rooms.all[step] {
		k, made := g.chain(key)
		if made {
			k.room = r
			r.chains[k] = key
			for _, p := range r.events {
				if p.fits(key) {
					g.mark(k, p.step, p.Mark)
				}
			}
		}
		g.mark(k, step, m)
		return
	}
	p := partial{m, step, key}
	r.events = append(r.events, p)
	if len(r.events) > g.maxMarks {
		r.events = slices.Clone(r.events[len(r.events)-g.maxMarks/2:])
		g.evicted += uint64(g.maxMarks / 2)
	}
	if r.place == nil {
		r.place = g.stalest.PushBack(r)
	}
	g.stalest.MoveToBack(r.place)
	g.resizeRoom(r)
	for k, values := range r.chains {
		if p.fits(values) {
			g.mark(k, step, m)
		}
	}
}

// fits reports whether the event belongs to the group of key.
func (p *partial) fits(key []string) bool {
	for i, v := range p.key {
		if v != "" && v != key[i] {
			return false
		}
	}
	return true
}

func (g *sequences) resizeRoom(r *room) {
	size := int64(cap(r.events)) * (markBytes + 32)
	for i := range r.events {
		size += int64(len(r.events[i].Sample)) + 16*int64(len(r.events[i].key))
	}
	g.bytes += size - r.size
	r.size = size
}

// empty drops a room's events; groups keep theirs.
func (g *sequences) empty(r *room) {
	r.events = nil
	g.stalest.Remove(r.place)
	r.place = nil
	g.resizeRoom(r)
	if len(r.chains) == 0 {
		delete(g.rooms.byKey, r.key)
	}
}

// leave takes a group that is removed out of its room.
func (g *sequences) leave(k *chain) {
	delete(k.room.chains, k)
	if len(k.room.chains) == 0 && k.room.place == nil {
		delete(g.rooms.byKey, k.room.key)
	}
}

func (g *sequences) expireRooms(before int64) {
	for _, r := range g.rooms.byKey {
		r.events = slices.DeleteFunc(r.events, func(p partial) bool { return p.Time < before })
		if r.place != nil && len(r.events) == 0 {
			g.empty(r)
		} else {
			g.resizeRoom(r)
		}
	}
}
