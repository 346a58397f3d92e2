package match

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzAssembler holds that no message breaks the assembler, and that what it takes for a frame survives the way again.
// Without Add's check of the part's number it fails.
func FuzzAssembler(f *testing.F) {
	f.Add([]byte(`{"schema":1,"origin":{"Epoch":1,"Topic":"t","Partition":2,"Offset":5},"to":9,"part":0,"parts":1,"signals":[{"rule":"r","hash":"h","time":1,"count":2,"severity":"low","samples":[{"event_uid":"u","class":"api","event_time":1,"fields":{"actor":"eva"}}]}]}`))
	f.Add([]byte(`{"schema":1,"part":1,"parts":2,"attempt":"a"}`))
	f.Add([]byte(`{"schema":1,"part":2,"parts":2,"attempt":"a"}`))
	f.Add([]byte(`{"schema":1,"parts":1,"signals":[{"samples":[{"fields":{"a":null}}]}]}`))
	f.Fuzz(func(t *testing.T, msg []byte) {
		var a Assembler
		got, err := a.Add(msg)
		if err != nil || got == nil {
			return
		}
		msgs, err := Encode(got, 1<<20)
		if err != nil {
			t.Fatalf("encode what was decoded: %v", err)
		}
		var again *Frame
		for _, m := range msgs {
			if again, err = a.Add(m); err != nil {
				t.Fatalf("decode what was encoded: %v\n%s", err, m)
			}
		}
		again.Attempt = got.Attempt
		second, err := Encode(again, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		first, err := Encode(got, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Fatalf("frame changed on the way (-first +second):\n%s", diff)
		}
	})
}
