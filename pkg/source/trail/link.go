package trail

import (
	"time"

	"github.com/shrike-sec/shrike/pkg/format/cloudtrail/digest"
)

// join links a digest with those of its chain that it stands beside, whichever came first. It is false for one that is
// not to be looked at further: a second of its name, one from long before the others, or one over the bounds.
func (w *Watch) join(f digest.File, now time.Time) bool {
	name := plainName(f.Object)
	if l := w.s.Links[name]; l != nil {
		if l.Hash != f.Hash {
			w.found(now, f.Problem(digest.DigestChanged, f.Bucket+"/"+f.Object, "two different digests of this name"))
		}
		return false
	}
	c := w.s.Chains[f.Chain()]
	if c == nil && len(w.s.Chains) >= w.limit/10 || len(w.s.Links) >= w.limit/2 || c != nil && f.End.Before(c.Newest.Add(-keep)) {
		w.metrics.unjudged.Add(float64(len(f.Logs)))
		return false
	}
	l := newLink(f, now)
	w.s.Links[name], w.change.Links[name] = l, l
	w.neighbours(l, name, c, now)
	w.extend(c, l, now)
	return true
}

func (w *Watch) neighbours(l *link, name string, c *chain, now time.Time) {
	if l.First() {
		l.Before = true
		if l.Anew = c != nil && c.Oldest.Before(l.End) && !l.Backfill(); l.Anew {
			w.found(now, l.anew(c))
		}
	} else if before := w.s.Links[plainName(l.PrevObject)]; before != nil && before.Chain() == l.Chain() {
		w.link(before, l, now)
	}
	for _, other := range w.s.Links {
		switch {
		case other == l || other.Chain() != l.Chain():
		case !other.Before && plainName(other.PrevObject) == name:
			w.link(l, other, now)
		case other.First() && !other.Anew && l.End.Before(other.End) && !l.Backfill():
			other.Anew = true
			w.found(now, other.anew(&chain{Newest: l.End}))
			w.forgetLinked(other)
		}
	}
}

// anew says that the chain begins anew with the link, though there were digests before.
func (l *link) anew(c *chain) digest.Problem {
	return l.Problem(digest.Gap, l.Bucket+"/"+l.Object,
		"the chain begins anew: logging or its validation was off since "+c.Newest.UTC().Format(time.RFC3339)+" or later")
}

// link judges two digests that stand beside each other, and forgets those of which nothing more is to be said.
func (w *Watch) link(before, next *link, now time.Time) {
	w.found(now, w.verifier.Link(&before.File, &next.File)...)
	before.After, next.Before = true, true
	w.forgetLinked(before)
	w.forgetLinked(next)
}

// forgetLinked leaves of a digest that is linked on both sides what it must be if it is read again. One with which a
// chain begins is kept longer: the end of an earlier chain may come after it.
func (w *Watch) forgetLinked(l *link) {
	name := plainName(l.Object)
	w.change.Links[name] = l
	if !l.Before || !l.After || l.First() && !l.Anew {
		return
	}
	delete(w.s.Links, name)
	w.change.Links[name] = nil
	f := w.file(keyOf(name))
	f.In, f.At = spanOf(l.Digest), max(f.At, l.At)
	_ = f.Want.UnmarshalText([]byte(l.Hash)) // it is one of ours
}

// extend notes that the chain has another digest.
func (w *Watch) extend(c *chain, l *link, now time.Time) {
	if c == nil {
		c = &chain{Account: l.Account, Region: l.Region(), Oldest: l.End, Newest: l.End}
		w.s.Chains[l.Chain()] = c
	} else {
		if l.End.Before(c.Oldest) {
			c.Oldest = l.End
		}
		if l.End.After(c.Newest) {
			c.Newest, c.Told = l.End, false
		}
	}
	if c.OnTime++; now.Sub(l.End) > every+w.o.Wait || l.Backfill() {
		c.OnTime = 0
	}
	w.change.Chains[l.Chain()] = c
}
