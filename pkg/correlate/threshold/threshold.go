// Package threshold is the kind threshold: a window fires where it has at least so many matches.
//
// It knows counts only. correlate moves the window over a group's signals and calls Add, Remove and Holds.
package threshold

// Window counts the matches of a window.
type Window struct{ need, have uint64 }

// New returns a window that fires at need matches.
func New(need uint64) *Window { return &Window{need: need} }

// Reset empties the window.
func (w *Window) Reset() { w.have = 0 }

// Add takes a signal in.
func (w *Window) Add(count uint64, _ float64, _ []uint64) { w.have += count }

// Remove takes a signal out.
func (w *Window) Remove(count uint64, _ float64, _ []uint64) { w.have -= count }

// Holds reports whether the window has its count.
func (w *Window) Holds() bool { return w.have >= w.need }
