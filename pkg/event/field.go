package event

import (
	"fmt"
	"slices"
	"sync"
)

// Type is what a field holds.
type Type uint8

// The types of fields.
const (
	TypeText   Type = iota // text; "" is missing
	TypeInt                // 64-bit integer or missing
	TypeFloat              // 64-bit float or missing
	TypeBool               // true, false or missing
	TypeAddr               // IPv4 or IPv6 address or missing
	TypeTime               // nanoseconds since 1970, UTC, or missing
	TypeList               // texts
	TypeObject             // a JSON value
)

var typeNames = [...]string{"text", "int", "float", "bool", "ip", "time", "list", "object"}

// String returns the type's name in documents.
func (t Type) String() string { return typeNames[t] }

// Entity is what kind of thing a field names; the first field of a group that has one is the alert's entity.
type Entity string

// The kinds of entities.
const (
	Principal Entity = "principal"
	Address   Entity = "address"
	Host      Entity = "host"
	Bucket    Entity = "bucket"
	Account   Entity = "account"
)

// Field is one row of the field table.
type Field struct {
	Name    string
	Type    Type
	Classes []Class
	Unit    string // "ms", "bytes" … or ""
	Meaning string
	ECS     string   // Elastic Common Schema name, "" when there is none
	OCSF    string   // OCSF attribute path, "" when there is none
	Entity  Entity   // "" when the field names no entity
	Values  []string // the closed set of values; nil when open; see Closed
	SQL     string   // ClickHouse column type (for an object: of its <name>_json column)
	// ValuesOf has the closed sets of single classes, where they differ.
	ValuesOf map[Class][]string
	Meta     bool // a column the pipeline fills from Event's own members; not a field of rules, has no handle

	slot uint16
}

// Closed returns the closed set of the field's values in events of class c, nil when it is open. It is shared: do not
// change it.
func (f *Field) Closed(c Class) []string {
	if v, ok := f.ValuesOf[c]; ok {
		return v
	}
	return f.Values
}

// In reports whether events of class c have the field.
func (f *Field) In(c Class) bool { return slices.Contains(f.Classes, c) }

// The handles: a field's slot, typed so that the compiler keeps texts and numbers apart.
type (
	// TextField is the handle of a text.
	TextField struct{ slot uint16 }
	// IntField is the handle of an integer.
	IntField struct{ slot uint16 }
	// FloatField is the handle of a float.
	FloatField struct{ slot uint16 }
	// BoolField is the handle of a boolean.
	BoolField struct{ slot uint16 }
	// AddrField is the handle of an address.
	AddrField struct{ slot uint16 }
	// TimeField is the handle of a time.
	TimeField struct{ slot uint16 }
	// ListField is the handle of a list of texts.
	ListField struct{ slot uint16 }
	// ObjectField is the handle of a JSON value.
	ObjectField struct{ slot uint16 }
)

// How many fields of each type an Event has room for; defining one more than that panics at start.
const (
	maxText   = 192
	maxInt    = 48
	maxFloat  = 16
	maxBool   = 16
	maxAddr   = 8
	maxTime   = 16
	maxList   = 24
	maxObject = 4
)

var room = [...]uint16{maxText, maxInt, maxFloat, maxBool, maxAddr, maxTime, maxList, maxObject}

// table is filled by the declarations in fields.go while the package initialises and never changes after.
var table []*Field

func define(f Field) uint16 {
	for _, other := range table {
		if other.Name == f.Name {
			panic("BUG: field " + f.Name + " is defined twice")
		}
		if other.Type == f.Type && !other.Meta {
			f.slot++
		}
	}
	if !f.Meta && f.slot >= room[f.Type] {
		panic(fmt.Sprintf("BUG: no room for field %s: more than %d fields of type %s", f.Name, room[f.Type], f.Type))
	}
	table = append(table, &f)
	return f.slot
}

// Fields returns the field table in its order. The fields are shared: do not change them.
func Fields() []*Field { return table }

var byName = sync.OnceValue(func() map[string]*Field {
	m := make(map[string]*Field, len(table))
	for _, f := range table {
		m[f.Name] = f
	}
	return m
})

// Lookup returns the field of that name, nil when there is none.
func Lookup(name string) *Field { return byName()[name] }

// TextField returns the handle of a text field. Asking a field of another type for it is a bug and panics;
// likewise for its siblings below.
func (f *Field) TextField() TextField { return TextField{f.of(TypeText)} }

// IntField returns the handle of an integer field.
func (f *Field) IntField() IntField { return IntField{f.of(TypeInt)} }

// FloatField returns the handle of a float field.
func (f *Field) FloatField() FloatField { return FloatField{f.of(TypeFloat)} }

// BoolField returns the handle of a boolean field.
func (f *Field) BoolField() BoolField { return BoolField{f.of(TypeBool)} }

// AddrField returns the handle of an address field.
func (f *Field) AddrField() AddrField { return AddrField{f.of(TypeAddr)} }

// TimeField returns the handle of a time field.
func (f *Field) TimeField() TimeField { return TimeField{f.of(TypeTime)} }

// ListField returns the handle of a list field.
func (f *Field) ListField() ListField { return ListField{f.of(TypeList)} }

// ObjectField returns the handle of an object field.
func (f *Field) ObjectField() ObjectField { return ObjectField{f.of(TypeObject)} }

func (f *Field) of(t Type) uint16 {
	if f.Type != t || f.Meta {
		panic(fmt.Sprintf("BUG: field %s is of type %s, not %s", f.Name, f.Type, t))
	}
	return f.slot
}
