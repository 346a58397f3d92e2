package correlate

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// evidence is up to match.MaxSamples samples in one string, the smallest by (time, id), sorted. Most of a rule's state is
// samples of groups that never fire, so they are kept packed: as match.Sample they would take about five times the memory.
//
// A sample is its length, 8 bytes of time, the id, native id and class, and pairs of a field's number in rule.Capture and
// its JSON; texts have their length before them. A field of group_by whose value is the group's own has an empty text: the
// group knows it.
type evidence string

// names numbers the fields that a rule captures.
type names struct {
	list  []string
	group []int // by number: place in group_by, -1 for other fields
}

func newNames(r *rule.Rule) *names {
	n := &names{}
	n.extend(r)
	return n
}

// extend adds what the rule captures more than before. Numbers that are given stay: evidence has them.
func (n *names) extend(r *rule.Rule) {
	for _, k := range r.Capture {
		if slices.Contains(n.list, k.Name) {
			continue
		}
		n.list = append(n.list, k.Name)
		n.group = append(n.group, slices.IndexFunc(r.GroupBy, func(g rule.Key) bool { return g.Name == k.Name }))
	}
}

// packed is one sample inside evidence.
type packed struct {
	time int64
	id   string
	all  string // the whole sample, without its length
}

func (a packed) compare(b packed) int {
	return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.id, b.id))
}

// pack turns a signal's samples into evidence.
func (n *names) pack(key []string, samples []match.Sample) evidence {
	if len(samples) == 0 {
		return ""
	}
	var room [match.MaxSamples + 1]packed
	list := room[:0]
	for i := range samples {
		list = append(list, split(string(n.appendSample(nil, key, &samples[i]))))
	}
	return join(list)
}

func (n *names) appendSample(b []byte, key []string, s *match.Sample) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(s.EventTime))
	var id [16]byte
	if decoded, err := hex.Decode(id[:], idBytes(s.EventUID)); err == nil && decoded == len(id) {
		b = appendText(b, string(id[:]))
	} else {
		b = appendText(b, s.EventUID)
	}
	b = appendText(b, s.NativeID)
	class, _ := event.ParseClass(s.Class)
	b = append(b, byte(class))
	for i, name := range n.list {
		v, ok := s.Fields[name]
		if !ok {
			continue
		}
		if g := n.group[i]; g >= 0 && g < len(key) && quotes(v, key[g]) {
			v = nil
		}
		b = appendText(binary.AppendUvarint(b, uint64(i)), string(v))
	}
	return b
}

// quotes reports whether v is text in quotes, without any escape.
func quotes(v json.RawMessage, text string) bool {
	return len(v) == len(text)+2 && v[0] == '"' && v[len(v)-1] == '"' && string(v[1:len(v)-1]) == text
}

// idBytes returns the id's text when it is 32 digits, as event.UID writes it; else nothing, and the id is kept as it is.
func idBytes(uid string) []byte {
	if len(uid) != 2*len(event.UID{}) {
		return nil
	}
	return []byte(uid)
}

// split takes the parts that order a sample out of it.
func split(sample string) packed {
	p := packed{time: int64(binary.BigEndian.Uint64([]byte(sample[:8]))), all: sample}
	p.id, _ = cutText(sample[8:])
	return p
}

// unpack appends the samples to list.
func (v evidence) unpack(list []packed) []packed {
	for rest := string(v); rest != ""; {
		var one string
		one, rest = cutText(rest)
		list = append(list, split(one))
	}
	return list
}

// join sorts samples, drops repeats and what is over the limit, and packs them.
func join(list []packed) evidence {
	slices.SortFunc(list, packed.compare)
	list = slices.CompactFunc(list, func(a, b packed) bool { return a.compare(b) == 0 })
	list = list[:min(len(list), match.MaxSamples)]
	size := 0
	for _, p := range list {
		size += len(p.all) + binary.MaxVarintLen32
	}
	b := make([]byte, 0, size)
	for _, p := range list {
		b = appendText(b, p.all)
	}
	return evidence(b)
}

// merge returns the smallest samples of both.
func (v evidence) merge(w evidence) evidence {
	switch {
	case w == "" || v == w:
		return v
	case v == "":
		return w
	}
	var room [2 * match.MaxSamples]packed
	list := v.unpack(room[:0])
	if w = w.before(list); w == "" {
		return v
	}
	return join(w.unpack(list))
}

// head returns the first n samples.
func (v evidence) head(n int) evidence {
	rest := string(v)
	for ; n > 0 && rest != ""; n-- {
		_, rest = cutText(rest)
	}
	return v[:len(v)-len(rest)]
}

// before returns v, or "" when the list is full and even v's first sample comes after its last.
func (v evidence) before(list []packed) evidence {
	if len(list) < match.MaxSamples {
		return v
	}
	first, _ := cutText(string(v))
	if split(first).compare(list[len(list)-1]) > 0 {
		return ""
	}
	return v
}

// samples unpacks v for an alert.
func (n *names) samples(key []string, v evidence) []alert.Sample {
	out := []alert.Sample{}
	for rest := string(v); rest != ""; {
		var one string
		one, rest = cutText(rest)
		out = append(out, n.sample(key, one))
	}
	return out
}

func (n *names) sample(key []string, one string) alert.Sample {
	p := split(one)
	s := alert.Sample{EventUID: p.id, EventTime: time.Unix(0, p.time).UTC(), Fields: map[string]json.RawMessage{}}
	if len(p.id) == len(event.UID{}) {
		s.EventUID = hex.EncodeToString([]byte(p.id))
	}
	_, rest := cutText(one[8:])
	s.NativeID, rest = cutText(rest)
	s.Class, rest = event.Class(rest[0]).String(), rest[1:]
	for rest != "" {
		var no uint64
		var v string
		no, rest = cutUvarint(rest)
		v, rest = cutText(rest)
		if v == "" {
			v = `"` + key[n.group[no]] + `"`
		}
		s.Fields[n.list[no]] = json.RawMessage(v)
	}
	return s
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// cutText takes a text with its length off the front of s.
func cutText(s string) (text, rest string) {
	n, s := cutUvarint(s)
	return s[:n], s[n:]
}

func cutUvarint(s string) (uint64, string) {
	var v uint64
	for i := 0; ; i++ {
		v |= uint64(s[i]&0x7f) << (7 * i)
		if s[i] < 0x80 {
			return v, s[i+1:]
		}
	}
}
