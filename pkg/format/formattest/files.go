package formattest

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/shrike-sec/shrike/pkg/format"
)

// Files runs the format over files of the shared data that match a pattern below its folder (filepath.Glob). Lines
// that it cannot read fail the test, unless excuse says that they are not the format's.
func Files(t *testing.T, spec format.Spec, pattern string, excuse func(file string, line []byte) bool) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(SharedData(t), filepath.FromSlash(pattern)))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no shared data matches %s (%v)", pattern, err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		good, bad := Lines(t, spec, data)
		excused := 0
		for _, line := range bad {
			if excuse != nil && excuse(filepath.Base(path), bytes.TrimSpace([]byte(line))) {
				excused++
			} else {
				t.Errorf("%s: %s", filepath.Base(path), line)
			}
		}
		t.Logf("%s: %d read, %d not the format's", filepath.Base(path), good, excused)
	}
}
