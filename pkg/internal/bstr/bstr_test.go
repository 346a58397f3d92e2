package bstr_test

import (
	"testing"

	"github.com/shrike-sec/shrike/pkg/internal/bstr"
)

func TestString(t *testing.T) {
	t.Parallel()
	for _, want := range []string{"", "a", "some text \x00\xff"} {
		if got := bstr.String([]byte(want)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := bstr.String(nil); got != "" {
		t.Errorf("got %q of nil", got)
	}
}
