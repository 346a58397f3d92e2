package format_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/record"
)

// words parses records that begin with its word: one event for every "x", control for "head".
type words struct {
	word string
	e    event.Event
}

func (w *words) Parse(r *record.Record, emit func(*event.Event)) error {
	rest, ok := bytes.CutPrefix(r.Raw, []byte(w.word))
	switch {
	case !ok:
		return format.Errorf(record.ReasonSyntax, "not %s", w.word)
	case string(rest) == " head":
		return format.ErrControl
	case r.Layout != "" && r.Layout != w.word:
		return format.Errorf(record.ReasonFieldCount, "the layout %q is another format's", r.Layout)
	case string(rest) == " notice":
		return format.Errorf(record.ReasonNotice, "a notice")
	}
	if i := bytes.IndexByte(rest, '!'); i >= 0 {
		_ = rest[:i][i] // as a parser does that has an error
	}
	for range bytes.Count(rest, []byte("x")) {
		w.e.Reset(event.Flow, r)
		emit(&w.e)
	}
	return nil
}

func wordSpec(word string, version int) format.Spec {
	return format.Spec{
		Name: word, Class: event.Flow, Version: version, New: func() format.Parser { return &words{word: word} },
		Sniff: func(raw []byte) int {
			if bytes.HasPrefix(raw, []byte(word)) {
				return 50
			}
			return 0
		},
	}
}

func TestDecodeFindsTheParser(t *testing.T) {
	t.Parallel()
	d := format.NewDecoder(format.NewRegistry([]format.Spec{wordSpec("red", 1), wordSpec("blue", 1)}))
	tests := []struct {
		raw, hint, want string
		events          int
		reason          record.Reason
		control         bool
	}{
		{raw: "red xx", hint: "red", want: "red", events: 2},
		{raw: "red x", want: "red", events: 1},
		{raw: "blue x", hint: "red", want: "blue", events: 1},
		{raw: "blue x", hint: "nobody", want: "blue", events: 1},
		{raw: "blue head", hint: "red", control: true},
		{raw: "red head", hint: "red", control: true},
		{raw: "red notice", hint: "red", reason: record.ReasonNotice},
		{raw: "green x", hint: "red", reason: record.ReasonSyntax},
		{raw: "green x", reason: record.ReasonUnknownFormat},
		{raw: "", hint: "nobody", reason: record.ReasonUnknownFormat},
	}
	for _, tc := range tests {
		at := time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)
		r := record.Record{Raw: []byte(tc.raw), Format: tc.hint, Layout: tc.hint, Received: at, Origin: record.Origin{Source: "s", Object: "o"}}
		n := 0
		uids := map[event.UID]bool{}
		err := d.Decode(&r, func(e *event.Event) {
			if e.Idx != n || e.Text(event.Source) != "s" || e.Text(event.Format) != tc.want || e.UnixNano(event.ReceivedTime) != at.UnixNano() {
				t.Errorf("decode %q: common fields are wrong: %s", tc.raw, e.AppendJSON(nil))
			}
			uids[e.UID] = true
			n++
		})
		var bad *format.Error
		if errors.As(err, &bad) != (tc.reason != "") || bad != nil && bad.Reason != tc.reason || errors.Is(err, format.ErrControl) != tc.control {
			t.Errorf("decode %q as %q: got error %v", tc.raw, tc.hint, err)
		}
		if n != tc.events || len(uids) != n {
			t.Errorf("decode %q as %q: %d events with %d ids, want %d", tc.raw, tc.hint, n, len(uids), tc.events)
		}
	}
}

func TestVersionChangesWithAnyParser(t *testing.T) {
	t.Parallel()
	version := func(specs ...format.Spec) string { return format.NewDecoder(format.NewRegistry(specs)).Version() }
	base := version(wordSpec("red", 1), wordSpec("blue", 1))
	if got := version(wordSpec("blue", 1), wordSpec("red", 1)); got != base {
		t.Errorf("order changes the version: %s and %s", got, base)
	}
	for _, other := range []string{version(wordSpec("red", 2), wordSpec("blue", 1)), version(wordSpec("red", 1)), version()} {
		if other == base {
			t.Errorf("other parsers have the same version %s", base)
		}
	}
}

func TestRegistryPrefersTheSurest(t *testing.T) {
	t.Parallel()
	sure := wordSpec("redder", 1)
	sure.Sniff = func([]byte) int { return 60 }
	reg := format.NewRegistry([]format.Spec{wordSpec("red", 1), wordSpec("blue", 1), sure})
	if got, ok := reg.Sniff([]byte("red x")); !ok || got.Name != "redder" {
		t.Errorf("got %q, want redder", got.Name)
	}
	if got, ok := reg.Spec("blue"); !ok || got.Name != "blue" {
		t.Errorf("got %q, want blue", got.Name)
	}
	if _, ok := reg.Spec("green"); ok || len(reg.Specs()) != 3 {
		t.Errorf("a format nobody registered is there, or %d are not 3", len(reg.Specs()))
	}
	if got, ok := format.NewRegistry(nil).Sniff([]byte("x")); ok {
		t.Errorf("an empty registry recognises %q", got.Name)
	}
}

// A parser that panics costs its record; what panics behind it is not swallowed. Without the call of recover it fails.
func TestAFaultCostsOneRecord(t *testing.T) {
	t.Parallel()
	d := format.NewDecoder(format.NewRegistry([]format.Spec{wordSpec("red", 1)}))
	var bad *format.Error
	err := d.Decode(&record.Record{Raw: []byte("red !"), Format: "red"}, func(*event.Event) { t.Error("an event") })
	if !errors.As(err, &bad) || bad.Reason != record.ReasonFault {
		t.Fatalf("got %v, want a dead letter for the reason %s", err, record.ReasonFault)
	}
	events := 0
	if err := d.Decode(&record.Record{Raw: []byte("red xx"), Format: "red"}, func(*event.Event) { events++ }); err != nil || events != 2 {
		t.Errorf("the next record: %d events and %v, want 2", events, err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a panic behind the parser was taken for one of its own")
		}
	}()
	_ = d.Decode(&record.Record{Raw: []byte("red x"), Format: "red"}, func(*event.Event) { panic("behind") })
}
