package s3access

import (
	"strings"
	"testing"

	"github.com/shrike-sec/shrike/pkg/format/formattest"
)

func TestSharedFormats(t *testing.T) {
	// One of the files is about too few columns.
	formattest.Files(t, Spec(), "formats/s3_access/*.log", func(file string, _ []byte) bool { return strings.Contains(file, "too_few") })
}
