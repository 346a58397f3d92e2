package threshold

import "testing"

func TestWindow(t *testing.T) {
	t.Parallel()
	w := New(3)
	w.Add(2, 0, nil)
	w.Add(1, 0, nil)
	if !w.Holds() {
		t.Error("2 and 1 are not 3")
	}
	w.Remove(2, 0, nil)
	if w.Holds() {
		t.Error("1 is 3")
	}
	w.Reset()
	w.Add(2, 0, nil)
	if w.Holds() {
		t.Error("Reset left something behind")
	}
}
