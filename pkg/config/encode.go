package config

import (
	"bytes"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// YAML writes every key with its value in effect, secrets as <secret>.
func (c *Config) YAML() []byte { return encode(c, false) }

// encode writes the configuration so that, when secrets are revealed, Parse reads the same one back.
func encode(c *Config, reveal bool) []byte {
	e := encoder{reveal: reveal}
	e.mapping(reflect.ValueOf(c).Elem(), 0)
	return e.out.Bytes()
}

type encoder struct {
	out    bytes.Buffer
	reveal bool
}

func (e *encoder) mapping(v reflect.Value, indent int) {
	for i := range v.NumField() {
		f := v.Field(i)
		if f.Kind() == reflect.Pointer {
			if f.IsNil() {
				continue
			}
			f = f.Elem()
		}
		e.out.WriteString(strings.Repeat(" ", indent) + v.Type().Field(i).Tag.Get("yaml") + ":")
		e.value(f, indent)
	}
}

// value writes what follows a key's colon.
func (e *encoder) value(v reflect.Value, indent int) {
	text, isScalar := e.scalar(v)
	switch {
	case isScalar:
		e.out.WriteString(" " + text + "\n")
	case v.Kind() == reflect.Struct:
		e.out.WriteString("\n")
		e.mapping(v, indent+2)
	case v.Len() == 0:
		e.out.WriteString(" []\n")
	default:
		e.out.WriteString("\n")
		for i := range v.Len() {
			e.out.WriteString(strings.Repeat(" ", indent+2) + "-")
			e.value(v.Index(i), indent+2)
		}
	}
}

func (e *encoder) scalar(v reflect.Value) (string, bool) {
	switch s := v.Addr().Interface().(type) {
	case *Secret:
		if e.reveal {
			return quote(s.Reveal()), true
		}
		return quote(s.String()), true
	case *Address:
		return quote(s.String()), true
	case scalar:
		return s.String(), true
	}
	switch v.Kind() {
	case reflect.String:
		return quote(v.String()), true
	case reflect.Bool, reflect.Int:
		return fmt.Sprint(v.Interface()), true
	case reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64), true
	}
	return "", false
}

// quote writes a double-quoted YAML scalar; Go's escapes are all YAML's too, as the text is valid UTF-8.
func quote(text string) string { return strconv.Quote(escape(text)) }
