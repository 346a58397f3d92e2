package cli

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/dustin/go-humanize"

	"github.com/shrike-sec/shrike/pkg/record"
)

// Bounds of what a summary tells of dead letters.
const (
	maxDetails  = 1000 // of one reason that are told apart; many name a value
	maxExamples = 3    // that are shown
)

// whys counts what was wrong with dead letters: what to do about them stands there.
type whys map[record.Reason]map[string]int64

func (w whys) add(d *record.DeadLetter) {
	details := w[d.Reason]
	if details == nil {
		details = map[string]int64{}
		w[d.Reason] = details
	}
	if _, known := details[d.Detail]; known || len(details) < maxDetails {
		details[d.Detail]++
	}
}

// print writes the commonest details of a reason.
func (w whys) print(out io.Writer, reason record.Reason) {
	details := w[reason]
	common := slices.SortedFunc(maps.Keys(details), func(a, b string) int {
		return cmp.Or(cmp.Compare(details[b], details[a]), cmp.Compare(a, b))
	})
	for _, detail := range common[:min(len(common), maxExamples)] {
		fmt.Fprintf(out, "    %s: %s\n", humanize.Comma(details[detail]), detail)
	}
}
