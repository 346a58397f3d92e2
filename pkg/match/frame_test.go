package match

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/record"
)

func drawFrame(t *rapid.T) *Frame {
	word := rapid.StringN(0, 30, 60)
	f := &Frame{
		Origin: record.Position{Epoch: 3, Topic: "records.api", Partition: 1, Offset: 10}, To: 20, RuleSet: "set",
		Watermark: rapid.Int64().Draw(t, "watermark"),
	}
	for range rapid.IntRange(0, 30).Draw(t, "signals") {
		s := Signal{Rule: "r", Hash: "h", Time: rapid.Int64().Draw(t, "time"), Count: rapid.Uint64().Draw(t, "count"), Severity: "low",
			Key: []string{word.Draw(t, "key")}, Hashes: rapid.SliceOfN(rapid.Uint64(), 1, 5).Draw(t, "hashes")}
		for range rapid.IntRange(0, 2).Draw(t, "samples") {
			s.Samples = append(s.Samples, Sample{EventUID: word.Draw(t, "uid"), Class: "api",
				Fields: map[string]json.RawMessage{"actor": quote(word.Draw(t, "actor"))}})
		}
		f.Signals = append(f.Signals, s)
	}
	return f
}

// Deleting forget's call in Add, or the size check in split, makes this fail.
func TestFramesSurviveTheWay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := drawFrame(t)
		limit := rapid.IntRange(1500, 5000).Draw(t, "limit")
		msgs, err := Encode(f, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range msgs {
			if len(m) > limit {
				t.Fatalf("message of %d bytes, limit %d", len(m), limit)
			}
		}
		// Parts of another attempt and repeats of our own come between, in any order; one of ours comes last.
		other := *f
		other.Attempt = "other"
		stray, err := Encode(&other, limit)
		if err != nil {
			t.Fatal(err)
		}
		stream := append(append([][]byte{}, msgs[:len(msgs)-1]...), msgs[:len(msgs)-1]...)
		if len(stray) > 1 {
			stream = append(stream, stray[1:]...)
		}
		var a Assembler
		for _, m := range rapid.Permutation(stream).Draw(t, "order") {
			if got, err := a.Add(m); err != nil || got != nil {
				t.Fatalf("frame before its last part: %v, %v", got, err)
			}
		}
		got, err := a.Add(msgs[len(msgs)-1])
		if err != nil || got == nil {
			t.Fatalf("no frame after the last of %d parts: %v", len(msgs), err)
		}
		if a.Pending() {
			t.Error("older attempts are still held")
		}
		got.Attempt, got.Schema, got.Parts = f.Attempt, f.Schema, f.Parts
		if diff := cmp.Diff(f, got); diff != "" {
			t.Fatalf("after the way (-sent +got):\n%s", diff)
		}
	})
}

func TestEncodeCutsSamplesNotCounts(t *testing.T) {
	t.Parallel()
	s := Signal{Rule: "r", Count: 20}
	for range MaxSamples {
		s.Samples = append(s.Samples, Sample{Fields: map[string]json.RawMessage{"raw": quote(strings.Repeat("x", 900))}})
	}
	msgs, err := Encode(&Frame{Signals: []Signal{s}}, 4000)
	if err != nil || len(msgs) != 1 {
		t.Fatalf("%d messages, %v", len(msgs), err)
	}
	f, err := new(Assembler).Add(msgs[0])
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Signals[0]; got.Count != 20 || len(got.Samples) == 0 || len(got.Samples) == MaxSamples || len(msgs[0]) > 4000 {
		t.Errorf("count %d, %d samples, %d bytes", got.Count, len(got.Samples), len(msgs[0]))
	}
	if len(s.Samples) != MaxSamples {
		t.Error("the caller's frame lost samples")
	}
	if _, err := Encode(&Frame{}, 100); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
}

// A topic made anew ends what the old one left unfinished, or its reader would wait for it for ever.
func TestAssemblerForgetsEarlierEpochs(t *testing.T) {
	t.Parallel()
	var a Assembler
	for _, c := range []struct {
		msg     string
		pending bool
	}{
		{`{"schema":1,"origin":{"Epoch":1,"Topic":"t","Offset":5},"to":9,"part":0,"parts":2}`, true},
		{`{"schema":1,"origin":{"Epoch":2,"Topic":"t","Partition":1},"to":3,"parts":1}`, true},
		{`{"schema":1,"origin":{"Epoch":1,"Topic":"t"},"to":8,"parts":1}`, true},
		{`{"schema":1,"origin":{"Epoch":2,"Topic":"t"},"to":3,"parts":1}`, false},
	} {
		if _, err := a.Add([]byte(c.msg)); err != nil {
			t.Fatal(err)
		}
		if got := a.Pending(); got != c.pending {
			t.Errorf("after %s: pending %v, want %v", c.msg, got, c.pending)
		}
	}
}

func TestAssemblerRefusesWhatIsNoFrame(t *testing.T) {
	t.Parallel()
	for _, msg := range []string{``, `[]`, `{"schema":2,"parts":1}`, `{"schema":1}`, `{"schema":1,"part":1,"parts":1}`, `{"schema":1,"part":-1,"parts":2}`, `{"schema":1,"parts":1000000000}`} {
		if f, err := new(Assembler).Add([]byte(msg)); err == nil || f != nil {
			t.Errorf("%q: got %v, %v", msg, f, err)
		}
	}
}
