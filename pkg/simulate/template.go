package simulate

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// template is JSON with placeholders ($bucket, $hex …), cut apart once so that filling it in is appending.
type template struct {
	parts []part
}

type part struct {
	text  string
	place place
}

// place is what a placeholder stands for.
type place func(dst []byte, s *scene) []byte

// scene is what the placeholders of one record draw from; a placeholder that names a thing names the same one each
// time in a record.
type scene struct {
	g      *Generator
	who    *principal
	at     int64
	region string
	bucket *bucket
	object object
	pick   uint64 // chooses among names, the same throughout the record
}

var places = map[string]place{
	"account":  func(d []byte, s *scene) []byte { return append(d, s.who.account.id...) },
	"region":   func(d []byte, s *scene) []byte { return append(d, s.region...) },
	"role":     func(d []byte, s *scene) []byte { return append(d, workRoles[s.pick%uint64(len(workRoles))].name...) },
	"me":       func(d []byte, s *scene) []byte { return append(d, s.who.role...) },
	"user":     func(d []byte, s *scene) []byte { return append(d, givenNames[s.pick%uint64(len(givenNames))]...) },
	"bucket":   func(d []byte, s *scene) []byte { return append(d, s.bucket.name...) },
	"key":      func(d []byte, s *scene) []byte { return s.object.appendKey(d, s.bucket) },
	"size":     func(d []byte, s *scene) []byte { return strconv.AppendInt(d, s.object.bytes, 10) },
	"instance": func(d []byte, s *scene) []byte { return append(d, s.iface().instance...) },
	"eni":      func(d []byte, s *scene) []byte { return append(d, s.iface().id...) },
	"ip":       func(d []byte, s *scene) []byte { return s.iface().addr.AppendTo(d) },
	"vpc":      func(d []byte, s *scene) []byte { return append(d, s.iface().vpc...) },
	"subnet":   func(d []byte, s *scene) []byte { return append(d, s.iface().subnet...) },
	"hex":      func(d []byte, s *scene) []byte { return appendHex(d, s.g.rng, 17) },
	"digest":   func(d []byte, s *scene) []byte { return appendHex(d, s.g.rng, 64) },
	"uuid":     func(d []byte, s *scene) []byte { return appendUUID(d, s.g.rng) },
	"num":      func(d []byte, s *scene) []byte { return strconv.AppendUint(d, s.pick%100, 10) },
	"fixed":    func(d []byte, s *scene) []byte { return append(d, s.who.account.detective...) },
	"zone":     func(d []byte, s *scene) []byte { return add(d, s.region, "a") },
	"mail":     func(d []byte, s *scene) []byte { return append(d, s.who.session...) },
	"time":     func(d []byte, s *scene) []byte { return appendTime(d, s.at) },
	"token":    func(d []byte, s *scene) []byte { return appendHex(d, s.g.rng, 48) },
}

func (s *scene) iface() *iface { return s.g.co.interfaces[s.pick%uint64(len(s.g.co.interfaces))] }

// parseTemplate cuts text at its placeholders; an unknown one is a bug in this package.
func parseTemplate(text string) template {
	var t template
	for text != "" {
		i := strings.IndexByte(text, '$')
		if i < 0 {
			t.parts = append(t.parts, part{text: text})
			break
		}
		end := i + 1
		for end < len(text) && text[end] >= 'a' && text[end] <= 'z' {
			end++
		}
		p := places[text[i+1:end]]
		if p == nil {
			panic(fmt.Sprintf("BUG: no placeholder %q", text[i:end]))
		}
		t.parts = append(t.parts, part{text: text[:i], place: p})
		text = text[end:]
	}
	return t
}

func (t *template) append(dst []byte, s *scene) []byte {
	for i := range t.parts {
		p := &t.parts[i]
		dst = append(dst, p.text...)
		if p.place != nil {
			dst = p.place(dst, s)
		}
	}
	return dst
}

// appendTime appends the time as CloudTrail writes it. time.AppendFormat costs five times as much.
func appendTime(dst []byte, at int64) []byte {
	t := time.Unix(0, at).UTC()
	y, m, d := t.Date()
	h, mi, sec := t.Clock()
	dst = strconv.AppendInt(dst, int64(y), 10)
	dst = append(dst, '-', digit(int(m)/10), digit(int(m)), '-', digit(d/10), digit(d))
	return append(dst, 'T', digit(h/10), digit(h), ':', digit(mi/10), digit(mi), ':', digit(sec/10), digit(sec), 'Z')
}

func digit(n int) byte { return byte('0' + n%10) }

// add appends texts.
func add(dst []byte, texts ...string) []byte {
	for _, s := range texts {
		dst = append(dst, s...)
	}
	return dst
}
