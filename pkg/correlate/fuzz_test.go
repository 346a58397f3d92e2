package correlate

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// FuzzApply holds that no frame breaks the engine, whatever times, keys and samples it claims: every alert has a JSON form,
// the state's size stays sound, and the frame applied again changes nothing. Without Apply's return of dropped
// frames it fails.
func FuzzApply(f *testing.F) {
	rules := []*rule.Rule{
		counting(2, time.Minute, time.Hour), testRule("each", func(*rule.Rule) {}), novelRule(0, time.Hour),
		testRule("sum", func(r *rule.Rule) { r.Sum = &rule.Sum{Of: key("bytes_out"), Total: 3, Within: time.Minute} }),
		testRule("distinct", func(r *rule.Rule) {
			r.Distinct = &rule.Distinct{Of: key("event_name"), Count: 2, Within: time.Minute}
		}),
	}
	for _, r := range rules {
		fr := frame(0, 0, 1, 5, hitAt(r, 1, "eva", second), hitAt(r, 2, "eva", 2*second), hitAt(r, 3, "eva", -maxTime), hitAt(r, 4, "eva", maxTime))
		fr.Signals[0].Value, fr.Signals[1].Key, fr.Signals[0].Samples[0].EventUID = "v", nil, ""
		b, err := json.Marshal(fr)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		var fr match.Frame
		if json.Unmarshal(msg, &fr) != nil {
			return
		}
		g := newEngine(rules, Options{MaxKeys: 3, MaxBytes: 1 << 16})
		g.Recall(nil)
		for _, a := range g.Apply(&fr, 1).Alerts {
			if b, err := json.Marshal(a); err != nil || len(a.ID) != 32 || a.Count == 0 {
				t.Fatalf("alert %s: %v", b, err)
			}
		}
		if again := g.Apply(&fr, 2); len(again.Alerts)+len(again.Memos) > 0 {
			t.Fatalf("the frame applied again gives %+v", again)
		}
		for _, s := range g.Stats().Rules {
			if s.Bytes < 0 || s.Bytes > 1<<16 || s.Keys > 3 {
				t.Fatalf("state %+v", s)
			}
		}
	})
}
