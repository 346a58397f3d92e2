package correlate

import (
	"testing"
	"time"

	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// A title tells a sum with its unit, a pivot the plain number; both go on to tell what later events add. (Without the line on
// s.words in view.word the title tells bytes, without that on s.number in view.values the pivot NULL.)
func TestValueInTitleAndPivot(t *testing.T) {
	t.Parallel()
	r := testRule("sum", func(r *rule.Rule) {
		r.Title = rule.ParseTemplate("{value} by {actor}")
		r.Pivots = []rule.Pivot{{Name: "more", SQL: "SELECT {value:UInt64}"}}
		r.Sum = &rule.Sum{Of: key("bytes_out"), Total: 4096, Within: time.Minute}
	})
	g := newEngine([]*rule.Rule{r}, Options{})
	for i, want := range []struct{ title, sql string }{{"5 KiB by eva", "SELECT 5120"}, {"10 KiB by eva", "SELECT 10240"}} {
		h := hit{uid: string(rune('a' + i)), at: int64(i) * second, actor: "eva", severity: "low", sum: 5120}
		got := g.Apply(&match.Frame{
			Origin: record.Position{Epoch: 1, Topic: "records.api", Offset: int64(i)}, To: int64(i + 1), Signals: []match.Signal{h.signal(r)},
		}, int64(i)).Alerts
		if len(got) != 1 || got[0].Title != want.title || got[0].Pivots[0].SQL != want.sql {
			t.Errorf("revision %d: got %+v, want %+v", i+1, got, want)
		}
	}
}
