package vpcflow

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shrike-sec/shrike/pkg/format/formattest"
)

// Both layouts of the shared flows parse to the last line.
func TestSharedFlows(t *testing.T) {
	for _, name := range []string{"apt29-day1.vpcflow.gz", "apt29-day1.v5.vpcflow.gz"} {
		data, err := os.ReadFile(formattest.SharedData(t, "flow", name))
		if err != nil {
			t.Fatal(err)
		}
		good, bad := formattest.Lines(t, Spec(), data)
		if good < 1500 || len(bad) > 0 {
			t.Errorf("%s: %d good, bad: %q", name, good, bad)
		}
	}
}

func TestSharedFormats(t *testing.T) {
	dir := formattest.SharedData(t, "formats", "vpc_flow")
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if !strings.HasSuffix(path, ".log") && !strings.HasSuffix(path, ".txt") {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		good, bad := formattest.Lines(t, Spec(), data)
		t.Logf("%s: %d good, %d bad", filepath.Base(path), good, len(bad))
		// Two of the files are about wrong counts.
		if wrong := strings.Contains(path, "too_few") || strings.Contains(path, "too_many"); wrong != (len(bad) > 0) {
			t.Errorf("%s: %q", filepath.Base(path), bad)
		}
	}
}

func TestHeader(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]bool{
		DefaultLayout: true,
		strings.ReplaceAll(DefaultLayout, "-", "_"): true,
		"srcaddr dstaddr":                      true,
		"srcaddr dstaddr bytes packets colour": true,
		"srcaddr dstaddr colour":               false,
		"start type of region":                 false,
		"version":                              false,
		"":                                     false,
		"2 unknown eni-1 - - - - - - - 1 2 - NODATA": false,
	} {
		if layout, ok := Header([]byte(line)); ok != want || ok && layout != line {
			t.Errorf("Header(%q) = %q, %v, want %v", line, layout, ok, want)
		}
	}
}

func TestSniff(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]int{
		"2 111122223333 eni-0a 10.0.0.1 10.0.0.2 1 2 6 1 60 1772355600 1772355660 ACCEPT OK": 90,
		"2 unknown - - - - - - - - 1772355600 1772355660 - NODATA":                           90,
		"2 111122223333 eni-0a 10.0.0.1 10.0.0.2 1 2 6 1 60 1772355600 1772355660 ACCEPT":    30,
		DefaultLayout: 95,
		"2 11112222333 eni-0a 10.0.0.1 10.0.0.2 1 2 6 1 60 1772355600 1772355660 ACCEPT OK": 0,
		"hello world": 0, "": 0, "{}": 0,
	} {
		if got := sniff([]byte(line)); got != want {
			t.Errorf("sniff(%q) = %d, want %d", line, got, want)
		}
	}
}
