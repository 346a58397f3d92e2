package firstseen

import (
	"fmt"
	"testing"
)

func memory(o Options) *Memory {
	if o.MaxKeys == 0 {
		o.MaxKeys, o.MaxBytes = 100, 1<<20
	}
	m := New(o)
	m.Begin(4)
	return m
}

func TestSeeAsOfAnOffset(t *testing.T) {
	t.Parallel()
	m := memory(Options{})
	m.Learn("g", "old", Row{Offset: 5, First: 1, Last: 1})
	for i, c := range []struct {
		value  string
		offset int64
		want   bool
	}{
		{"old", 4, true}, {"old", 5, false} /* 4 has written it by now */, {"new", 6, true}, {"new", 7, false},
	} {
		if got := m.See("g", c.value, c.offset, 2, 2); got.New != c.want {
			t.Errorf("step %d: new %v, want %v", i, got.New, c.want)
		}
	}
}

// What a group had learned at an offset does not depend on what long memory has of later ones: a frame that is applied again
// after a crash would tell of what it did not tell of before. Deleting the condition on start in learns, or its loop, makes
// this fail.
func TestLearnedAsOfAnOffset(t *testing.T) {
	t.Parallel()
	m := memory(Options{Learning: 10})
	m.Learn("g", "old", Row{Offset: 3, First: 100, Last: 100})
	m.Learn("g", "v", Row{Offset: 5, First: 0, Last: 105}) // 105 came at offset 5, 0 behind it
	m.Learn("g", "history", Row{Offset: 6, First: 0, Last: 0})
	for _, c := range []struct {
		value         string
		offset, first int64
		want          bool
	}{
		{"w", 4, 109, false}, {"v", 5, 105, false}, {"x", 5, 111, true}, {"history", 6, 0, false}, {"y", 7, 10, true},
	} {
		if a := m.See("g", c.value, c.offset, c.first, c.first); !a.New || a.Learned != c.want {
			t.Errorf("%s at offset %d: new %v and learned %v, want new and %v", c.value, c.offset, a.New, a.Learned, c.want)
		}
	}
}

// A group that is dropped begins to learn anew: what it had must not be told as new. Deleting the call of bound in See
// makes this fail.
func TestBoundDropsWholeGroups(t *testing.T) {
	t.Parallel()
	m := memory(Options{Learning: 10, MaxKeys: 2, MaxBytes: 1 << 20})
	for i, name := range []string{"a", "b", "a", "c"} {
		m.See(name, "v", int64(i), 0, 0)
	}
	if a := m.See("b", "v", 9, 20, 20); !a.New || a.Learned {
		t.Errorf("a dropped group: new %v learned %v, want new and not learned", a.New, a.Learned)
	}
	if groups, _, evicted := m.Size(); groups != 2 || evicted != 2 {
		t.Errorf("%d groups, %d evicted; want 2 and 2", groups, evicted)
	}
}

// Whoever writes very many groups, or values of one, does not have all that was learned forgotten. Deleting the comparison of both
// lists in bound, or the removal of what grows, makes this fail.
func TestAFloodDoesNotWipeWhatWasLearned(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]func(n int) (group, value string){
		"groups": func(n int) (string, string) { return fmt.Sprint("flood", n), "v" },
		"values": func(n int) (string, string) { return "flood", fmt.Sprint("v", n) },
	} {
		m := memory(Options{Learning: 10, MaxKeys: 100, MaxBytes: 100 * (groupBytes + rowBytes + 10)})
		for i := range 30 {
			m.See(fmt.Sprint("g", i), "v", 5, 0, 0)
			m.See(fmt.Sprint("g", i), "v", 6, 20, 20)
		}
		for n := range 5000 {
			g, v := at(n)
			m.See(g, v, 7, 21, 21)
		}
		for i := range 30 {
			if a := m.See(fmt.Sprint("g", i), "w", 8, 22, 22); !a.New || !a.Learned {
				t.Fatalf("%s: group %d is new %v, has learned %v after the flood", name, i, a.New, a.Learned)
			}
		}
		if _, _, evicted := m.Size(); evicted == 0 {
			t.Errorf("%s: no flood", name)
		}
	}
}

// A group whose rows are too many for the memory is not there in part after a restart, for it would call new what it lost. Deleting
// the return from Learn makes this fail.
func TestLearnDropsWholeGroups(t *testing.T) {
	t.Parallel()
	m := memory(Options{Learning: 10, MaxKeys: 9, MaxBytes: groupBytes + 5*(rowBytes+2)})
	for i := range int64(8) {
		m.Learn("", fmt.Sprint("v", i), Row{Offset: 1, First: i, Last: i})
	}
	if a := m.See("", "v0", 9, 100, 100); !a.New || a.Learned {
		t.Errorf("after a restart: new %v, learned %v; want a group that begins to learn", a.New, a.Learned)
	}
	m.Learn("other", "v", Row{Offset: 1, First: 1, Last: 1})
	if a := m.See("other", "w", 10, 100, 100); !a.New || !a.Learned {
		t.Errorf("of another group: new %v, learned %v; want both", a.New, a.Learned)
	}
}

// Removing a group that has no rows left from Expire would make this fail: it would have to learn again, unless a restart
// brought its rows back.
func TestExpireForgetsRowsNotGroups(t *testing.T) {
	t.Parallel()
	m := memory(Options{Forget: 80, Learning: 100})
	for i := range 30 {
		m.See(fmt.Sprint("g", i%3), fmt.Sprint("v", i), int64(i), int64(i), int64(i))
	}
	m.Expire(500)
	if groups, bytes, evicted := m.Size(); groups != 3 || bytes != 3*(groupBytes+2) || evicted != 0 {
		t.Errorf("%d groups, %d bytes, %d evicted after all values were forgotten", groups, bytes, evicted)
	}
	if a := m.See("g1", "v1", 99, 600, 600); !a.New || !a.Learned {
		t.Errorf("a forgotten value: new %v, learned %v; want both", a.New, a.Learned)
	}
	forever := memory(Options{})
	forever.See("g", "v", 1, 1, 1)
	forever.Expire(1 << 60)
	if groups, _, _ := forever.Size(); groups != 1 {
		t.Error("a rule that never forgets forgot")
	}
}
