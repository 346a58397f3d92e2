package cloudtrail_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/cloudtrail"
	"github.com/shrike-sec/shrike/pkg/format/formattest"
	"github.com/shrike-sec/shrike/pkg/record"
)

type tally struct {
	files, records, events, letters, controls int

	reasons map[record.Reason]int
}

func (n *tally) letter(r record.Reason) {
	if n.reasons == nil {
		n.reasons = map[record.Reason]int{}
	}
	n.letters++
	n.reasons[r]++
}

// decode splits and decodes one stream, failing the test where the parser breaks its contract.
func (n *tally) decode(t *testing.T, path string, in io.Reader) {
	t.Helper()
	spec := cloudtrail.Spec()
	reg := format.NewRegistry([]format.Spec{spec})
	d := format.NewDecoder(reg)
	parser := spec.New()
	n.files++
	_, err := format.Split(t.Context(), in, reg, format.SplitOptions{Origin: record.Origin{Object: path}},
		func(r record.Record) error {
			n.records++
			formattest.Check(t, parser, &r)
			err := d.Decode(&r, func(*event.Event) { n.events++ })
			var bad *format.Error
			switch {
			case errors.Is(err, format.ErrControl):
				n.controls++
			case errors.As(err, &bad):
				n.letter(bad.Reason)
			case err != nil:
				t.Errorf("%s: %v", path, err)
			}
			return nil
		},
		func(l record.DeadLetter) error {
			n.letter(l.Reason)
			return nil
		})
	if err != nil {
		t.Errorf("split %s: %v", path, err)
	}
}

func (n *tally) folder(t *testing.T, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		n.decode(t, path, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %+v", filepath.Base(root), *n)
}

func TestAttacksAndBenignSessionsParse(t *testing.T) {
	t.Parallel()
	for folder, want := range map[string]int{"attacks": 161 + 121, "benign": 3471 + 840} {
		var n tally
		n.folder(t, formattest.SharedData(t, folder))
		if n.letters > 0 || n.controls > 0 || n.events != n.records || n.events < want {
			t.Errorf("%s: got %+v, want no dead letters and at least %d events", folder, n, want)
		}
	}
}

func TestRawFilesOfOthersDoNotCrash(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"cloudtrail", "envelope"} {
		var n tally
		n.folder(t, formattest.SharedData(t, "formats", folder))
		if n.files == 0 || n.records == 0 {
			t.Errorf("%s: got %+v", folder, n)
		}
	}
}

func TestRuleCasesParse(t *testing.T) {
	t.Parallel()
	f, err := os.Open(formattest.SharedData(t, "rulecases", "panther.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unzip, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var n tally
	lines := bufio.NewScanner(unzip)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c struct {
			Rule, Case string
			Event      json.RawMessage
		}
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		n.decode(t, c.Rule+"/"+c.Case, bytes.NewReader(c.Event))
	}
	if n.files == 0 || n.events != n.files || n.letters > 0 {
		t.Errorf("got %+v", n)
	}
	t.Logf("%+v", n)
}

func TestEdgeCases(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(formattest.SharedData(t, "format-edgecases.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		var c struct {
			ID, Format, Raw, Note string
			Expect                map[string]any
		}
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		if c.Format != "cloudtrail" || !strings.Contains(c.Raw, "userIdentity") {
			continue
		}
		var got map[string]any
		out := formattest.Results(t, cloudtrail.Spec(), []byte(c.Raw), "")
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%s: %v in %s", c.ID, err, out)
		}
		for name, want := range c.Expect {
			w, _ := json.Marshal(want)
			g, _ := json.Marshal(got[name])
			if !bytes.Equal(w, g) {
				t.Errorf("%s (%s): %s is %s, want %s", c.ID, c.Note, name, g, w)
			}
		}
	}
}
