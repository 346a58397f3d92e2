package event

import (
	"encoding/hex"
	"net/netip"
	"time"

	"github.com/valyala/fastjson"

	"github.com/shrike-sec/shrike/pkg/record"
)

// Class is the kind of thing an event tells. Each format belongs to one class; Alert is for rules over alerts.
type Class uint8

// The classes. None is the zero value and no event's class.
const (
	None Class = iota
	API
	Flow
	HTTP
	DNS
	Alert
)

var classNames = [...]string{"", "api", "flow", "http", "dns", "alert"}

// String returns the class as rules, topics and tables spell it.
func (c Class) String() string { return classNames[c] }

// ParseClass returns the class of that name; ok is false when there is none.
func ParseClass(name string) (c Class, ok bool) {
	for i, n := range classNames {
		if n == name && i > 0 {
			return Class(i), true
		}
	}
	return None, false
}

// LogClasses lists the classes that records have, in the order of their topics.
func LogClasses() []Class { return []Class{API, Flow, HTTP, DNS} }

// Outcomes, the closed set of the field outcome.
const (
	Success = "success"
	Failure = "failure"
	Unknown = "unknown"
)

// UID identifies an event: the hash of its format and native id, or of its origin and bytes (see NewUID).
type UID [16]byte

// String returns the id as 32 hexadecimal digits.
func (u UID) String() string { return hex.EncodeToString(u[:]) }

// Object is a JSON value inside an event, such as CloudTrail's requestParameters. Both parts are empty when
// it is missing. Value belongs to the parser's arena and is valid only as long as the event; nil means that
// nobody has parsed Raw.
type Object struct {
	Raw   string
	Value *fastjson.Value
}

// Pair is one unmapped field: name as delivered, value as text.
type Pair struct{ Key, Value string }

// Event is one normalised log record. A parser owns one and reuses it: texts, lists and objects may alias the
// record's bytes and are valid until the parser's emit returns; Clone to keep. It is not safe for concurrent use.
//
// Fields are read and written through the handles of the field table (fields.go): e.Text(event.Actor).
type Event struct {
	Class    Class
	UID      UID
	Position record.Position // where the record is in Kafka; zero outside the pipeline
	Idx      int             // which event of its record this is, from 0
	Record   *record.Record  // what it was parsed from
	Redacted bool            // secrets were cut out, of Record too; see package redact
	Unmapped []Pair          // what the format delivered and no field holds

	text   [maxText]string
	ints   [maxInt]int64
	floats [maxFloat]float64
	addrs  [maxAddr]netip.Addr
	times  [maxTime]int64 // Unix nanoseconds
	lists  [maxList][]string
	objs   [maxObject]Object
	bools  uint32 // value bits
	hasB   uint32 // which booleans are known
	hasI   [maxInt/64 + 1]uint64
	hasF   uint64
	hasT   uint64
}

// Reset empties the event for the next record, keeping the memory of its slices.
func (e *Event) Reset(c Class, r *record.Record) {
	unmapped, lists := e.Unmapped[:0], e.lists
	*e = Event{Class: c, Record: r, Unmapped: unmapped}
	for i := range lists {
		e.lists[i] = lists[i][:0]
	}
}

// Text returns the field's value, "" when missing.
func (e *Event) Text(f TextField) string { return e.text[f.slot] }

// SetText sets the field; "" means missing.
func (e *Event) SetText(f TextField, v string) { e.text[f.slot] = v }

// Int returns the field's value; ok is false when it is missing. 0 is a value.
func (e *Event) Int(f IntField) (v int64, ok bool) {
	return e.ints[f.slot], e.hasI[f.slot/64]&(1<<(f.slot%64)) != 0
}

// SetInt sets the field.
func (e *Event) SetInt(f IntField, v int64) {
	e.ints[f.slot] = v
	e.hasI[f.slot/64] |= 1 << (f.slot % 64)
}

// Float returns the field's value; ok is false when it is missing.
func (e *Event) Float(f FloatField) (v float64, ok bool) {
	return e.floats[f.slot], e.hasF&(1<<f.slot) != 0
}

// SetFloat sets the field.
func (e *Event) SetFloat(f FloatField, v float64) {
	e.floats[f.slot] = v
	e.hasF |= 1 << f.slot
}

// Bool returns the field's value; ok is false when it is missing.
func (e *Event) Bool(f BoolField) (v, ok bool) {
	return e.bools&(1<<f.slot) != 0, e.hasB&(1<<f.slot) != 0
}

// SetBool sets the field.
func (e *Event) SetBool(f BoolField, v bool) {
	e.hasB |= 1 << f.slot
	if v {
		e.bools |= 1 << f.slot
	} else {
		e.bools &^= 1 << f.slot
	}
}

// Addr returns the field's value, the zero Addr when missing. IPv4 is never mapped into IPv6 here.
func (e *Event) Addr(f AddrField) netip.Addr { return e.addrs[f.slot] }

// SetAddr sets the field; the zero Addr means missing.
func (e *Event) SetAddr(f AddrField, v netip.Addr) { e.addrs[f.slot] = v }

// Time returns the field's value; ok is false when it is missing.
func (e *Event) Time(f TimeField) (v time.Time, ok bool) {
	if e.hasT&(1<<f.slot) == 0 {
		return time.Time{}, false
	}
	return time.Unix(0, e.times[f.slot]).UTC(), true
}

// UnixNano returns the field's value in nanoseconds since 1970, 0 when missing.
func (e *Event) UnixNano(f TimeField) int64 { return e.times[f.slot] }

// SetUnixNano sets the field from nanoseconds since 1970.
func (e *Event) SetUnixNano(f TimeField, ns int64) {
	e.times[f.slot] = ns
	e.hasT |= 1 << f.slot
}

// List returns the field's values, empty when missing.
func (e *Event) List(f ListField) []string { return e.lists[f.slot] }

// AddList appends one value to the field.
func (e *Event) AddList(f ListField, v string) { e.lists[f.slot] = append(e.lists[f.slot], v) }

// Object returns the field's value.
func (e *Event) Object(f ObjectField) Object { return e.objs[f.slot] }

// SetObject sets the field.
func (e *Event) SetObject(f ObjectField, v Object) { e.objs[f.slot] = v }

// AddUnmapped keeps a value that no field holds.
func (e *Event) AddUnmapped(key, value string) {
	e.Unmapped = append(e.Unmapped, Pair{Key: key, Value: value})
}
