package rule

import (
	"github.com/valyala/fastjson"

	"github.com/shrike-sec/shrike/pkg/event"
)

// Key names one value of an event: a field ("src_ip") or a path inside an object field ("request.bucketName",
// `request["aws:s3:arn"]`, "response.items[].id", where [] means every element).
type Key struct {
	Name  string       // as written in the rule
	Field *event.Field // the field, or the object that Path starts in
	Path  []string     // keys below the object; "[]" stands for every element; empty for a plain field; of unmapped the one name
}

// number reports whether the key's value can be added up: a number, or what an object has at a path, which may be one.
func (k Key) number() bool {
	switch k.Field.Type {
	case event.TypeInt, event.TypeFloat:
		return true
	case event.TypeObject:
		return len(k.Path) > 0
	}
	return false
}

// AppendText appends the key's value as text, nothing when missing; several values of one path are joined by comma.
func (k Key) AppendText(dst []byte, e *event.Event) []byte {
	if len(k.Path) == 0 {
		return e.AppendText(dst, k.Field)
	}
	if k.Field.Name == unmappedField {
		return append(dst, unmappedText(e.Unmapped, k.Path[0])...)
	}
	n := len(dst)
	walk(e.Object(k.Field.ObjectField()).Value, k.Path, func(v *fastjson.Value) {
		if len(dst) > n {
			dst = append(dst, ',')
		}
		dst = appendLeaf(dst, v)
	})
	return dst
}

// Text returns the key's value as text, "" when missing.
func (k Key) Text(e *event.Event) string {
	switch {
	case len(k.Path) == 0 && k.Field.Type == event.TypeText:
		return e.Text(k.Field.TextField())
	case k.Field.Name == unmappedField:
		return unmappedText(e.Unmapped, k.Path[0])
	}
	return string(k.AppendText(nil, e))
}

// AppendJSON appends the key's value as JSON, nothing when missing.
func (k Key) AppendJSON(dst []byte, e *event.Event) []byte {
	if len(k.Path) == 0 {
		if !e.Has(k.Field) {
			return dst
		}
		return e.AppendValue(dst, k.Field)
	}
	if k.Field.Name == unmappedField {
		v := unmappedText(e.Unmapped, k.Path[0])
		if v == "" {
			return dst
		}
		return event.AppendQuoted(dst, v)
	}
	var found []*fastjson.Value
	walk(e.Object(k.Field.ObjectField()).Value, k.Path, func(v *fastjson.Value) { found = append(found, v) })
	switch {
	case len(found) == 0:
		return dst
	case !k.Several():
		return appendJSON(dst, found[0])
	}
	dst = append(dst, '[')
	for i, v := range found {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendJSON(dst, v)
	}
	return append(dst, ']')
}

// walk calls found for each value at path below v.
func walk(v *fastjson.Value, path []string, found func(*fastjson.Value)) {
	for i, p := range path {
		if v == nil {
			return
		}
		if p == "[]" {
			for _, el := range v.GetArray() {
				walk(el, path[i+1:], found)
			}
			return
		}
		v = v.Get(p)
	}
	if v != nil && v.Type() != fastjson.TypeNull {
		found(v)
	}
}

// appendLeaf writes a leaf as text: strings without quotes, all else as JSON.
func appendLeaf(dst []byte, v *fastjson.Value) []byte {
	if v.Type() == fastjson.TypeString {
		return append(dst, v.GetStringBytes()...)
	}
	return appendJSON(dst, v)
}

// appendJSON writes a value of a log's object. fastjson's own MarshalTo quotes texts as Go does (\x00, \a), which is not
// JSON. The parsers bound how deep values nest.
func appendJSON(dst []byte, v *fastjson.Value) []byte {
	switch v.Type() {
	case fastjson.TypeString:
		return event.AppendQuoted(dst, string(v.GetStringBytes()))
	case fastjson.TypeArray:
		dst = append(dst, '[')
		for i, el := range v.GetArray() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSON(dst, el)
		}
		return append(dst, ']')
	case fastjson.TypeObject:
		dst = append(dst, '{')
		start := len(dst)
		v.GetObject().Visit(func(key []byte, el *fastjson.Value) {
			if len(dst) > start {
				dst = append(dst, ',')
			}
			dst = append(event.AppendQuoted(dst, string(key)), ':')
			dst = appendJSON(dst, el)
		})
		return append(dst, '}')
	default:
		return v.MarshalTo(dst)
	}
}
