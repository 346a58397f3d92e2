package trail

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/format/cloudtrail/digest"
)

// every is how often CloudTrail delivers a digest, also of a trail that is idle.
const every = time.Hour

// regular is how many digests in a row must have come in time before their end is a sign: one who copies a trail by
// night also gets the last two in time.
const regular = 4

func (a about) String() string {
	return a.Chain + " " + string(a.Kind) + " " + strconv.FormatInt(a.Day, 10)
}

// pause is the least time between two looks at what is overdue: rounds may be twenty a second.
const pause = 5 * time.Second

// found gathers problems for the next Judge.
func (w *Watch) found(now time.Time, problems ...digest.Problem) {
	for _, p := range problems {
		w.metrics.problems.Inc()
		a := about{p.Chain, p.Kind, p.Start.UTC().Truncate(24 * time.Hour).Unix()}
		t := w.s.Troubles[a.String()]
		if t == nil {
			if len(w.s.Troubles) >= w.limit/10 { // somebody invents trails: nobody reads that many alerts
				w.o.Log.Warn("report no more trouble with trails", zap.String("chain", p.Chain), zap.String("object", p.Object))
				continue
			}
			t = &trouble{About: a}
			w.s.Troubles[a.String()] = t
		}
		t.add(p)
		t.At = now.Unix()
		w.change.Troubles[a.String()] = t
		w.news = true
	}
}

// note notes what a file is and compares it with what was said of it. It reports whether the file is news and right, as
// far as anybody knows.
func (w *Watch) note(name string, got sum, changed digest.Kind, now time.Time) bool {
	f := w.file(keyOf(name))
	again := f.Got == got
	if !again && strings.HasSuffix(name, ".gz") { // one that was unpacked may have been shown before it was whole
		f.Other = f.Got
	}
	f.Got, f.At = got, now.Unix()
	if f.Object != "" {
		f.Told = false // if anything was told, then that it is missing
	}
	right := w.compare(f, name, changed, now)
	f.Object = ""
	return right && !again
}

// file returns what is known of a file, to be changed.
func (w *Watch) file(k key) *file {
	f := w.s.Files[k]
	if f == nil {
		w.bound()
		f = &file{}
		w.s.Files[k] = f
	}
	w.change.Files[k] = f
	return f
}

// compare tells, once, of a file that is not what a digest says of it.
func (w *Watch) compare(f *file, name string, changed digest.Kind, now time.Time) bool {
	is := f.Got
	if f.Other != (sum{}) && f.Want == f.Got {
		is = f.Other
	}
	if f.Want == (sum{}) || f.Got == (sum{}) || f.Want == is {
		return true
	}
	if !f.Told {
		f.Told = true
		object := cmp.Or(f.Object, name)
		w.found(now, f.In.problem(changed, object, digest.Compare("SHA-256", hex.EncodeToString(f.Want[:]), hex.EncodeToString(is[:]))))
	}
	return false
}

// unreadable tells of a file that is named like a digest and is none.
func (w *Watch) unreadable(name string, got sum, why error, now time.Time) {
	f := w.s.Files[keyOf(name)]
	if f.Told {
		return
	}
	f.Told = true
	d := digest.Digest{Object: name}
	in := span{Chain: d.Chain(), Region: d.Region(), Start: now, End: now}
	in.Account, _, _ = strings.Cut(plainName(name), "_")
	w.found(now, in.problem(digest.DigestChanged, name, fmt.Sprintf("%v (SHA-256 %x)", why, got)))
}

// expect takes the names and hashes of an hour's log files.
func (w *Watch) expect(d *digest.File, now time.Time) {
	in := spanOf(d.Digest)
	for _, l := range d.Logs {
		f := w.file(keyOf(l.Object))
		at := l.Bucket + "/" + l.Object
		if l.HashKind != "SHA-256" || f.Want.UnmarshalText([]byte(l.Hash)) != nil {
			w.found(now, in.problem(digest.LogChanged, at, fmt.Sprintf("delivered with a hash that is none: %.20q %.64q", l.HashKind, l.Hash)))
			f.Told = true
		}
		if f.In = in; f.Got == (sum{}) {
			f.Object, f.At = at, now.Unix()
		}
		w.compare(f, at, digest.LogChanged, now)
	}
}

// Judge is called when the source has read what there is to read, now being the time. It judges what should have come
// by now, reports what was found and returns Report's error; what was not reported is the next time. final says that
// nothing more will come, so that nothing is waited for.
func (w *Watch) Judge(ctx context.Context, now time.Time, final bool) error {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if final || now.Sub(w.judged) >= min(pause, w.o.Wait) {
		w.judged = now
		w.overdue(now, final)
	}
	if !w.news {
		return nil
	}
	err := w.tell(ctx)
	w.news = err != nil
	return err
}

// overdue judges what should have come by now, and forgets what is old.
func (w *Watch) overdue(now time.Time, final bool) {
	due := now.Add(-w.o.Wait).Unix()
	if final {
		due = now.Unix() + 1
	}
	w.missingFiles(due, now)
	w.missingDigests(due, now)
	w.silent(now)
	if now.Sub(w.cleaned) > time.Hour {
		w.cleaned = now
		w.clean(now.Add(-keep).Unix())
	}
	if !w.change.empty() {
		w.save()
	}
}

// missingFiles tells of log files that were named before due and are not there.
func (w *Watch) missingFiles(due int64, now time.Time) {
	for k, f := range w.s.Files {
		if f.Object == "" || f.Told || f.At >= due {
			continue
		}
		w.change.Files[k] = f
		f.Told = true
		if f.In.Start.Unix() <= w.s.Forgotten {
			w.metrics.unjudged.Inc()
			continue
		}
		w.found(now, f.In.problem(digest.LogMissing, f.Object, "named by the digest "+f.In.Digest))
	}
}

// missingDigests tells of digests that another names as the one before it. That the oldest one's is not there is no
// problem: one begins somewhere to look.
func (w *Watch) missingDigests(due int64, now time.Time) {
	for name, l := range w.s.Links {
		if l.Before || l.At >= due || !l.Missed(w.s.Chains[l.Chain()].Oldest) {
			continue
		}
		l.Before = true
		w.change.Links[name] = l
		w.found(now, l.Problem(digest.DigestMissing, l.Prev(), "named by the digest after it"))
		w.forgetLinked(l)
	}
}

// silent tells of chains whose digests came each hour and come no more.
func (w *Watch) silent(now time.Time) {
	for name, c := range w.s.Chains {
		if c.Told || c.OnTime < regular || now.Sub(c.Newest) < 2*every+w.o.Wait {
			continue
		}
		c.Told = true
		w.change.Chains[name] = c
		in := span{Chain: name, Account: c.Account, Region: c.Region, Start: c.Newest, End: c.Newest.Add(every)}
		w.found(now, in.problem(digest.Gap, name, "no digest since "+c.Newest.UTC().Format(time.RFC3339)+
			", though each hour has one: logging or its validation is off, or digests are not delivered"))
	}
}

// tell reports what was found since it was last reported. The lock is held: what is found meanwhile waits.
func (w *Watch) tell(ctx context.Context) error {
	var errs []error
	for name, t := range w.s.Troubles {
		if t.Told == t.Count {
			continue
		}
		if err := w.o.Report(ctx, t.alert(t.About)); err != nil {
			errs = append(errs, fmt.Errorf("report trouble with a trail: %w", err))
			continue
		}
		t.Told = t.Count
		w.change.Troubles[name] = t
	}
	if !w.change.empty() {
		w.save()
	}
	return errors.Join(errs...)
}

// clean forgets what there was no news of since then.
func (w *Watch) clean(since int64) {
	for k, f := range w.s.Files {
		if f.At < since {
			w.forget(k, f)
		}
	}
	for name, l := range w.s.Links {
		if l.At < since && l.End.Before(w.s.Chains[l.Chain()].Newest) {
			delete(w.s.Links, name)
			w.change.Links[name] = nil
		}
	}
	for name, t := range w.s.Troubles {
		if t.At < since && t.Told == t.Count {
			delete(w.s.Troubles, name)
			w.change.Troubles[name] = nil
		}
	}
}

// bound forgets a tenth of the files when there are too many: first those that are found right, then the oldest.
func (w *Watch) bound() {
	if len(w.s.Files) < w.limit {
		return
	}
	keys := make([]key, 0, len(w.s.Files))
	for k := range w.s.Files {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b key) int {
		x, y := w.s.Files[a], w.s.Files[b]
		return cmp.Or(cmp.Compare(x.open(), y.open()), cmp.Compare(x.At, y.At))
	})
	for _, k := range keys[:w.limit/10+1] {
		w.forget(k, w.s.Files[k])
	}
}

// open is 1 for a file that waits for its digest or is waited for.
func (f *file) open() int {
	if f.Got == (sum{}) || f.Want == (sum{}) {
		return 1
	}
	return 0
}

// forget forgets a file. Of one whose digest has not come, nobody can say later that it was there.
func (w *Watch) forget(k key, f *file) {
	delete(w.s.Files, k)
	w.change.Files[k] = nil
	switch {
	case f.Got == (sum{}):
		w.metrics.unjudged.Inc()
	case f.Want == (sum{}):
		w.s.Forgotten = max(w.s.Forgotten, f.At)
		w.change.Forgotten = w.s.Forgotten
	}
}

func (s *state) empty() bool {
	return len(s.Files)+len(s.Links)+len(s.Chains)+len(s.Troubles) == 0 && s.Forgotten == 0
}
