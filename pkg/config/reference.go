package config

import (
	"fmt"
	"reflect"
	"strings"
)

// Key is one key of the file, for the reference.
type Key struct {
	Path    string // "sources[].file.name"
	Type    string
	Default string // "" for keys of list elements that must be stated, and for groups of keys
	Doc     string
}

// Keys lists every key that holds a value, in the order of the file.
func Keys() []Key {
	var out []Key
	walk("", reflect.ValueOf(Default()).Elem(), func(k Key) { out = append(out, k) })
	return out
}

func walk(path string, v reflect.Value, visit func(Key)) {
	for i := range v.NumField() {
		tag, f := v.Type().Field(i).Tag, v.Field(i)
		at := strings.TrimPrefix(path+"."+tag.Get("yaml"), ".")
		if f.Kind() == reflect.Pointer {
			f = reflect.New(f.Type().Elem()).Elem()
			if s, ok := reflect.TypeAssert[interface{ setDefaults() }](f.Addr()); ok {
				s.setDefaults()
			}
		}
		e := encoder{}
		text, isScalar := e.scalar(f)
		switch {
		case isScalar:
			visit(Key{Path: at, Type: typeName(f.Type()), Default: text, Doc: tag.Get("doc")})
		case f.Kind() == reflect.Struct:
			walk(at, f, visit)
		case f.Type().Elem().Kind() == reflect.Struct:
			walk(at+"[]", reflect.New(f.Type().Elem()).Elem(), visit)
		default:
			visit(Key{Path: at, Type: "list of " + typeName(f.Type().Elem()), Default: "[]", Doc: tag.Get("doc")})
		}
	}
}

func typeName(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[Duration]():
		return "duration"
	case reflect.TypeFor[Size]():
		return "size"
	case reflect.TypeFor[Secret]():
		return "secret"
	case reflect.TypeFor[Address]():
		return "address"
	}
	switch t.Kind() {
	case reflect.Int:
		return "whole number"
	case reflect.Float64:
		return "number"
	case reflect.Bool:
		return "true or false"
	}
	return "text"
}

const intro = `# Configuration

One YAML file, given by ` + "`--config`" + `. Every key is optional; without a file Shrike runs with the defaults below, its engines
embedded. This page is generated from the code that reads the file; a test keeps them equal.

* The file is strict: an unknown key, a wrong type or a contradiction stops the start, and ` + "`shrike check`" + ` says where.
* ` + "`${NAME}`" + ` in a value is the environment's variable, which must be set; ` + "`${NAME:-default}`" + ` may be missing; ` + "`$${`" + ` is the text.
* Durations: ` + "`90s 10m 24h 14d`" + `. Sizes: ` + "`900kB`" + ` (thousands), ` + "`64MiB`" + ` (1024s). Addresses: ` + "`host:port`" + `; no host means all.
* A secret is printed as ` + "`<secret>`" + `; its ` + "`_file`" + ` twin names a file that holds it, without the line end.

| key | type | default | meaning |
|---|---|---|---|
`

// Reference returns deploy/CONFIG.md: every key with its type, default and meaning.
func Reference() string {
	var b strings.Builder
	b.WriteString(intro)
	for _, k := range Keys() {
		fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s |\n", k.Path, k.Type, k.Default, k.Doc)
	}
	return b.String()
}
