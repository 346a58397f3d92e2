package correlate

import (
	"math"
	"strconv"
	"strings"

	"github.com/shrike-sec/shrike/pkg/correlate/firstseen"
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// novelty correlates rules of kind first_seen. An alert is the first event that had the value; events after it do not update
// the alert, since whether they come in the same frame is chance. Signals go through early, which puts them in order.
type novelty struct {
	rule    *rule.Rule
	names   *names
	memory  *firstseen.Memory
	early   early
	latest  int64 // event time that was seen; MinInt64: none
	expired int64
}

func newNovelty(r *rule.Rule, o Options) *novelty {
	return &novelty{
		rule: r, names: newNames(r), latest: math.MinInt64, expired: math.MinInt64, early: early{finite: o.KeepAll, maxBytes: o.MaxBytes / 4},
		memory: firstseen.New(firstseen.Options{
			Learning: int64(r.FirstSeen.Learning), Forget: int64(r.FirstSeen.Forget),
			MaxKeys: o.MaxKeys, MaxBytes: o.MaxBytes,
		}),
	}
}

// recall loads a row. One that cannot be read is left out: at worst its value is told once more.
func (n *novelty) recall(m *Memo) {
	key, err := m.key()
	if err != nil {
		return
	}
	row := firstseen.Row{Offset: m.Offset, First: m.FirstTime, Last: m.LastTime, Moved: m.Moved}
	value := m.Value
	if n.rule.FirstSeen.Forget > 0 {
		at := strings.LastIndexByte(value, '@')
		if at < 0 {
			return
		}
		if row.Step, err = strconv.ParseInt(value[at+1:], 10, 64); err != nil {
			return
		}
		value = value[:at]
	}
	n.memory.Learn(string(packKey(nil, key)), value, row)
}

func (n *novelty) signal(s *match.Signal, offset int64) {
	n.memory.Begin(offset)
	n.early.add(s, offset)
}

func (n *novelty) flush(*Result, int64) {} // decide follows

// decide sees the signals that nothing earlier is to be expected of.
func (n *novelty) decide(t times, out *Result, _ int64) {
	n.early.begin(t)
	for w := n.early.ripe(t); w != nil; w = n.early.ripe(t) {
		n.see(&w.signal, w.offset, out)
	}
}

func (n *novelty) see(s *match.Signal, offset int64, out *Result) {
	t := newTally(s, n.names)
	n.latest = max(n.latest, t.last)
	a := n.memory.See(string(packKey(nil, s.Key)), s.Value, offset, t.first, t.last)
	if a.Changed {
		out.Memos = append(out.Memos, n.memo(s, a.Row))
	}
	if a.New && a.Learned {
		v := n.view(s, &t)
		out.Alerts = append(out.Alerts, v.alert(offset))
	}
}

// held returns the smallest offset of a signal that was not seen yet.
func (n *novelty) held() (offset int64, ok bool) { return n.early.oldest() }

func (n *novelty) memo(s *match.Signal, r firstseen.Row) Memo {
	value := s.Value
	if n.rule.FirstSeen.Forget > 0 {
		value += "@" + strconv.FormatInt(r.Step, 10)
	}
	return Memo{
		RuleHash: n.rule.Hash, Key: memoKey(s.Key), Value: value,
		Offset: r.Offset, FirstTime: r.First, LastTime: r.Last, Moved: r.Moved,
	}
}

// view shows the first event alone: how many more a signal combines depends on where the range was cut.
func (n *novelty) view(s *match.Signal, t *tally) view {
	t.count, t.last = 1, t.first
	if list := t.samples.unpack(nil); len(list) > 0 {
		t.samples = join(list[:1])
	}
	v := view{rule: n.rule, names: n.names, key: s.Key, tally: t, start: t.first, end: t.first}
	v.id = append(append(v.id, s.Key...), s.Value)
	if f := int64(n.rule.FirstSeen.Forget); f > 0 {
		v.period = floorDiv(t.first, f)
	}
	return v
}

// expire drops forgotten rows, once a stretch. The watermark may be far ahead of what the rule has yet to see: a partition that
// was idle can bring history. Before the first signal the rows are all those of the memory: there is nothing to go by.
func (n *novelty) expire(before int64) {
	f := int64(n.rule.FirstSeen.Forget)
	if f == 0 || n.latest == math.MinInt64 {
		return
	}
	before = min(before, n.early.from(n.latest)-int64(Lateness))
	if !eighth(before, n.expired, f) {
		return
	}
	n.expired = before
	n.memory.Expire(before)
}

// adopt: rows of a rule that forgets are of stretches of that time.
func (n *novelty) adopt(r *rule.Rule) bool {
	same := r.FirstSeen.Forget == n.rule.FirstSeen.Forget
	n.rule = r
	n.names.extend(r)
	n.memory.SetLearning(int64(r.FirstSeen.Learning))
	return same
}

func (n *novelty) stats() RuleStats {
	keys, bytes, evicted := n.memory.Size()
	return RuleStats{Rule: n.rule.ID, Keys: keys, Bytes: bytes + n.early.bytes, Evicted: evicted}
}
