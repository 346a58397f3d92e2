package sum

import "testing"

func TestWindow(t *testing.T) {
	t.Parallel()
	w := New(10)
	w.Add(1, 6, nil)
	w.Add(1, 4, nil)
	if !w.Holds() {
		t.Error("6 and 4 are not 10")
	}
	w.Remove(1, 6, nil)
	if w.Holds() {
		t.Error("4 is 10")
	}
	w.Reset()
	w.Add(1, 6, nil)
	if w.Holds() {
		t.Error("Reset left something behind")
	}
}
