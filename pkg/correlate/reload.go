package correlate

import (
	"slices"

	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// Reloaded says what became of the rules.
type Reloaded struct {
	Kept    []string // ids of rules that kept their state
	Fresh   []string // ids of rules that started with none: new, or another rule than before
	Gone    []string // ids of rules that are no longer correlated
	Skipped int      // signals that waited, for memory or for slower origins, of rules that are gone or not the same
}

// Reload goes on with the rules of set, between two frames. A rule whose Hash is the same keeps its state, and its alerts
// from here on have the new words. One whose hash or dedup is another starts with nothing and sees what comes from now on;
// its first_seen memory is to be recalled (Waiting). Rules that are gone, off or dry_run lose their state.
func (g *Engine) Reload(set *rule.Set) Reloaded { return g.reload(set.Rules()) }

func (g *Engine) reload(rules []*rule.Rule) Reloaded {
	var out Reloaded
	before := g.rules
	g.rules, g.order = make(map[string]*slot, len(rules)), nil
	for _, r := range rules {
		if r.Mode != rule.Live && r.Mode != "" {
			continue
		}
		s := before[r.ID]
		if s != nil && s.rule.Hash == r.Hash && s.kind.adopt(r) {
			s.rule = r
			out.Kept = append(out.Kept, r.ID)
		} else {
			s = newSlot(r, g.options)
			g.begin(s)
			out.Fresh = append(out.Fresh, r.ID)
		}
		g.rules[r.ID] = s
		g.order = append(g.order, s)
	}
	for id, s := range before {
		if g.rules[id] == nil {
			out.Gone = append(out.Gone, id)
		}
		if n, ok := s.kind.(*novelty); ok && g.rules[id] != s {
			out.Skipped += len(n.early.queue)
		}
	}
	slices.Sort(out.Gone)
	if !g.options.KeepAll {
		g.expire() // a rule that begins here finds the same events late as all others
	}
	held := len(g.held)
	g.held = slices.DeleteFunc(g.held, func(h heldSignal) bool { return g.unknown(&h.signal) })
	out.Skipped += held - len(g.held)
	return out
}

// begin tells a rule without state how far time has come: what was due by now is not its to decide.
func (g *Engine) begin(s *slot) {
	if once, ok := s.kind.(settler); ok && g.replays {
		once.resume(g.resumedAt(s))
	} else if w, ok := s.kind.(waiter); ok {
		w.decide(g.timesOf(s), &Result{}, g.last)
	}
}

// unknown reports whether the signal is of no rule of this set: of one that it has not, or of another version of it.
func (g *Engine) unknown(s *match.Signal) bool {
	k := g.rules[s.Rule]
	return k == nil || k.rule.Hash != s.Hash
}
