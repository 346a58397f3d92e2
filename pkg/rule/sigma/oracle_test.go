package sigma_test

import (
	"encoding/json"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// The oracle is Sigma as its specification reads, on a log record as JSON: no rule language, no fields of ours.

// asked is one entry of a selection as the oracle sees it.
type asked struct {
	Field     string
	Modifiers []string
	Values    []any
}

func (a asked) has(modifier string) bool { return slices.Contains(a.Modifiers, modifier) }

// holds reports whether the record is as the entry says.
func (a asked) holds(record map[string]json.RawMessage) bool {
	texts, there := candidates(record, strings.Split(a.Field, "."))
	some, every := false, true
	for _, v := range a.Values {
		ok := a.one(record, texts, there, v)
		some, every = some || ok, every && ok
	}
	got := some
	if a.has("all") {
		got = every
	}
	return got != a.has("neq")
}

func (a asked) one(record map[string]json.RawMessage, texts []string, there bool, v any) bool {
	if a.has("exists") {
		return v == there
	}
	if v == nil {
		return !there
	}
	if a.has("fieldref") {
		others, _ := candidates(record, strings.Split(v.(string), "."))
		return slices.ContainsFunc(others, func(right string) bool {
			return right != "" && slices.ContainsFunc(texts, func(left string) bool { return a.related(folded(left), folded(right)) })
		})
	}
	if searches := a.has("contains") || a.has("startswith") || a.has("endswith"); v == "" && !searches && !there {
		return true // an empty text is as good as none
	}
	for _, t := range texts {
		if a.text(t, v) {
			return true
		}
	}
	return false
}

// related compares a field with another one.
func (a asked) related(left, right string) bool {
	switch {
	case a.has("contains"):
		return strings.Contains(left, right)
	case a.has("startswith"):
		return strings.HasPrefix(left, right)
	case a.has("endswith"):
		return strings.HasSuffix(left, right)
	}
	return left == right
}

// text holds one text of the record against one value.
func (a asked) text(t string, v any) bool {
	switch want := v.(type) {
	case bool:
		return strings.EqualFold(t, strconv.FormatBool(want))
	case int:
		return a.number(t, want)
	}
	want := v.(string)
	switch {
	case a.has("cidr") || a.has("expand") && a.Field == "sourceIPAddress":
		return slices.ContainsFunc(a.patterns(want), func(p []rune) bool { return inNetwork(t, string(p)) || string(p) == t })
	case a.has("re"):
		if a.has("i") {
			want = "(?i)" + want
		}
		return regexp.MustCompile(want).MatchString(t)
	}
	if !a.has("cased") {
		t = folded(t)
	}
	return slices.ContainsFunc(a.patterns(want), func(p []rune) bool {
		if a.has("contains") || a.has("endswith") {
			p = append([]rune{star}, p...)
		}
		if a.has("contains") || a.has("startswith") {
			p = append(slices.Clone(p), star)
		}
		if !a.has("cased") {
			p = []rune(folded(string(p)))
		}
		return like([]rune(t), p)
	})
}

func inNetwork(t, network string) bool {
	a, err1 := netip.ParseAddr(t)
	p, err2 := netip.ParsePrefix(network)
	return err1 == nil && err2 == nil && p.Contains(a)
}

func (a asked) number(t string, want int) bool {
	got, err := strconv.Atoi(t)
	if at, bad := time.Parse(time.RFC3339, t); bad == nil {
		_, week := at.ISOWeek()
		parts := map[string]int{"minute": at.Minute(), "hour": at.Hour(), "day": at.Day(), "week": week, "month": int(at.Month()), "year": at.Year()}
		got, err = parts[a.Modifiers[0]], nil
	}
	switch {
	case err != nil:
		return false
	case a.has("gt"):
		return got > want
	case a.has("gte"):
		return got >= want
	case a.has("lt"):
		return got < want
	case a.has("lte"):
		return got <= want
	}
	return got == want
}

// folded is a text without regard to case: each letter is the smallest of those that are it in another case.
func folded(s string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for o := unicode.SimpleFold(r); o != r; o = unicode.SimpleFold(o) {
			least = min(least, o)
		}
		return least
	}, s)
}

// star and question stand for the wildcards among the characters of a pattern.
const (
	star     = '\uE000'
	question = '\uE001'
)

// patterns are what a value asks for: its characters and wildcards, with expand those of each value in a placeholder's place.
func (a asked) patterns(s string) [][]rune {
	r := []rune(s)
	all := [][]rune{nil}
	add := func(more ...[]rune) {
		var longer [][]rune
		for _, p := range all {
			for _, m := range more {
				longer = append(longer, slices.Concat(p, m))
			}
		}
		all = longer
	}
	for i := 0; i < len(r); i++ {
		name, _, closed := strings.Cut(string(r[i+1:]), "%")
		switch {
		case r[i] == '\\' && i+1 < len(r) && (strings.ContainsRune(`*?\`, r[i+1]) || r[i+1] == '%' && a.has("expand")):
			i++
			add(r[i : i+1])
		case r[i] == '*':
			add([]rune{star})
		case r[i] == '?':
			add([]rune{question})
		case r[i] == '%' && closed && a.has("expand") && lists[strings.ToLower(name)] != nil:
			var values [][]rune
			for _, v := range lists[strings.ToLower(name)] {
				values = append(values, asked{}.patterns(v)...)
			}
			add(values...)
			i += len([]rune(name)) + 1
		default:
			add(r[i : i+1])
		}
	}
	return all
}

func like(t, p []rune) bool {
	if len(p) == 0 {
		return len(t) == 0
	}
	if p[0] == star {
		return like(t, p[1:]) || len(t) > 0 && like(t[1:], p)
	}
	return len(t) > 0 && (p[0] == question || p[0] == t[0]) && like(t[1:], p[1:])
}

// candidates are the texts of a field: that of a text, number or boolean, the JSON of an object, both the elements and the
// JSON of an array. On the way arrays are entered; items are always arrays. Missing, null and the empty text are none.
func candidates(object map[string]json.RawMessage, path []string) (texts []string, there bool) {
	raw, ok := object[path[0]]
	if !ok || string(raw) == "null" || string(raw) == `""` {
		return nil, false
	}
	if len(path) > 1 {
		var elements []json.RawMessage
		if json.Unmarshal(raw, &elements) != nil && path[0] != "items" {
			elements = []json.RawMessage{raw}
		}
		for _, el := range elements {
			var inner map[string]json.RawMessage
			if json.Unmarshal(el, &inner) == nil {
				more, found := candidates(inner, path[1:])
				texts, there = append(texts, more...), there || found
			}
		}
		return texts, there
	}
	texts = []string{plain(raw)}
	var elements []json.RawMessage
	if json.Unmarshal(raw, &elements) == nil {
		for _, el := range elements {
			texts = append(texts, plain(el))
		}
	}
	return texts, true
}

func plain(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}
