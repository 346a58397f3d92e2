package correlate

import (
	"slices"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// hold keeps a signal until its rule's memory is there. It returns how many signals it gave up, the oldest first.
func (g *Engine) hold(s *match.Signal, offset int64) int {
	g.held = append(g.held, heldSignal{signal: *s, offset: offset})
	over := len(g.held) - maxHeld
	if over <= 0 {
		return 0
	}
	clear(g.held[:over])
	g.held = g.held[over:]
	return over
}

// RememberValues loads memory of first_seen: rows of this shard's keys (see Memo.Shard), which earlier Results gave out, those of
// one key one after the other. Only rules that wait for Recall take it. It may be called several times, also with the same rows.
func (g *Engine) RememberValues(memos []Memo) {
	byHash := map[string]rememberer{}
	for _, k := range g.order {
		if m, ok := k.kind.(rememberer); ok && k.waits {
			byHash[k.rule.Hash] = m
		}
	}
	for i := range memos {
		if m := byHash[memos[i].RuleHash]; m != nil {
			m.recall(&memos[i])
		}
	}
}

// Recall gives every rule that waits for it its memory: these rows, and what Remember and RememberValues have loaded; there may
// be none. It evaluates the signals held back until then, with their own offsets; the Result is theirs.
func (g *Engine) Recall(memos []Memo) Result {
	g.RememberValues(memos)
	return g.recall(func(string) bool { return true })
}

// RecallRules is Recall for the rules of these hashes, whose memory was loaded: after a Reload, others may have come to wait
// since it was asked.
func (g *Engine) RecallRules(hashes []string) Result {
	return g.recall(func(hash string) bool { return slices.Contains(hashes, hash) })
}

func (g *Engine) recall(asked func(hash string) bool) Result {
	var out Result
	for _, k := range g.order {
		if _, ok := k.kind.(rememberer); ok && asked(k.rule.Hash) {
			k.waits = false
		}
	}
	held := g.held
	g.held = nil
	for start := 0; start < len(held); {
		end, offset := start, held[start].offset
		for ; end < len(held) && held[end].offset == offset; end++ {
			h := &held[end]
			if k := g.rules[h.signal.Rule]; k.waits {
				g.held = append(g.held, *h)
			} else {
				g.signal(k, &h.signal, offset)
			}
		}
		g.flush(&out, offset)
		start = end
	}
	for _, k := range g.order {
		if !asked(k.rule.Hash) {
			continue
		}
		if b, ok := k.kind.(*baselines); ok {
			b.recalled = true
		}
		g.decideRule(k, &out)
	}
	out.Alerts = newestOf(out.Alerts)
	return out
}

// Remember loads memory of baselines: rows of this shard's keys (see Bucket.Shard), those of one key in the order of time. It
// may be called several times, also with the same rows, between Resume or Reload and Recall.
func (g *Engine) Remember(buckets []Bucket) {
	byHash := map[string]*baselines{}
	for _, k := range g.order {
		if b, ok := k.kind.(*baselines); ok && !b.recalled {
			byHash[k.rule.Hash] = b
		}
	}
	var last *Bucket
	var group *series
	for i := range buckets {
		b := &buckets[i]
		if last == nil || last.RuleHash != b.RuleHash || last.Key != b.Key {
			group = nil
		}
		if g := byHash[b.RuleHash]; g != nil {
			group = g.remember(b, group)
		}
		last = b
	}
	for _, b := range byHash {
		b.flush(nil, 0)
	}
}

// Held returns the offset of the first frame of which something waits: for Recall, or for slower origins (first_seen). ok is
// false when there is none. Whoever commits offsets must not go past it: a restart behind it would take its alert for one that
// was sent.
func (g *Engine) Held() (from int64, ok bool) {
	if len(g.held) > 0 {
		from, ok = g.held[0].offset, true
	}
	for _, k := range g.order {
		h, is := k.kind.(holder)
		if !is {
			continue
		}
		if at, waits := h.held(); waits && (!ok || at < from) {
			from, ok = at, true
		}
	}
	return from, ok
}

// Waiting returns the rules that wait for Recall.
func (g *Engine) Waiting() []*rule.Rule {
	var rules []*rule.Rule
	for _, k := range g.order {
		if b, ok := k.kind.(*baselines); k.waits || ok && !b.recalled {
			rules = append(rules, k.rule)
		}
	}
	return rules
}

// newestOf keeps the last version of each alert, at the place of its first.
func newestOf(alerts []alert.Alert) []alert.Alert {
	at := make(map[string]int, len(alerts))
	out := alerts[:0]
	for _, a := range alerts {
		if i, ok := at[a.ID]; ok {
			out[i] = a
			continue
		}
		at[a.ID] = len(out)
		out = append(out, a)
	}
	return out
}
