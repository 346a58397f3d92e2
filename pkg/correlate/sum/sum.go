// Package sum is the kind sum: a window fires where a field, summed over its matches, reaches a total.
//
// The sums that signals carry are multiples of 1/1024 and not negative (package match sees to it), so that adding and
// removing them is exact below 2^43, for whole numbers below 2^53, in whatever order. correlate moves the window over a
// group's signals and calls Add, Remove and Holds.
package sum

// Window sums up a window.
type Window struct{ need, have float64 }

// New returns a window that fires at the total need.
func New(need float64) *Window { return &Window{need: need} }

// Reset empties the window.
func (w *Window) Reset() { w.have = 0 }

// Add takes a signal in.
func (w *Window) Add(_ uint64, sum float64, _ []uint64) { w.have += sum }

// Remove takes a signal out.
func (w *Window) Remove(_ uint64, sum float64, _ []uint64) { w.have -= sum }

// Holds reports whether the window has its total.
func (w *Window) Holds() bool { return w.have >= w.need }
