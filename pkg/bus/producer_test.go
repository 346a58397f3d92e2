package bus

import (
	"testing"
)

// An attempt that was given up may still be reading a batch when the caller has its buffers back.
func TestBatchesShareNoBytesWithTheirMessages(t *testing.T) {
	t.Parallel()
	key, value := []byte("key"), []byte("value")
	var b batch
	b.add(&Message{Key: key, Value: value}, 0)
	b.add(&Message{}, 0)
	copy(key, "XXX")
	copy(value, "XXXXX")
	if got := b.messages[0]; string(got.Key) != "key" || string(got.Value) != "value" {
		t.Errorf("batch after the caller reused its buffers: got %s %s", got.Key, got.Value)
	}
	if got := b.messages[1]; got.Key != nil || got.Value != nil {
		t.Errorf("message without key and value: got %q %q", got.Key, got.Value)
	}
}
