package correlate

import "math"

// wait notes that the ends which a group's arrivals can have changed are to be decided.
func (g *sequences) wait(k *chain) {
	if !k.waits {
		k.waits = true
		g.waiting = append(g.waiting, k)
	}
	g.next = min(g.next, k.lo)
}

// decide evaluates the ends that no event on time can undo any more. What it finds stays found: an event that comes later
// than that can only add.
func (g *sequences) decide(t times, out *Result, offset int64) {
	watermark := t.watermark
	limit := watermark // ends before it are decided
	if watermark != math.MaxInt64 && watermark > math.MinInt64+g.delay {
		limit = watermark - g.delay + min(g.delay, 1) // e+W <= watermark
	}
	if !g.waits || g.next >= limit {
		return
	}
	g.next = math.MaxInt64
	kept := g.waiting[:0]
	for _, k := range g.waiting {
		switch {
		case k.place == nil:
			k.waits = false
			continue
		case k.lo < limit:
			end := k.hi + g.length
			g.evaluate(k, k.lo, min(end, limit))
			g.emit(k, out, offset)
			g.resize(k)
			if end <= limit {
				k.waits = false
				k.rest()
				continue
			}
			k.lo = limit
		}
		g.next = min(g.next, k.lo)
		kept = append(kept, k)
	}
	clear(g.waiting[len(kept):])
	g.waiting = kept
}
