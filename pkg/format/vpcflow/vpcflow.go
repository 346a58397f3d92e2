// Package vpcflow reads VPC flow logs of any layout: the 14 columns of version 2 by default, else the columns that
// the record's Layout names, with hyphens or underscores.
//
// A record is one line; one event of class flow comes out; a line of column names is a control record. The layout is
// never guessed from the number of columns: another number than the layout's is a dead letter. Start reading at
// Parse; the engine is internal/flowline, columns.go names its columns. Columns that no field holds are in unmapped
// under their own name. Transit gateways have a format of their own, tgwflow.
package vpcflow

import (
	"bytes"
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/internal/flowline"
	"github.com/shrike-sec/shrike/pkg/record"
)

// Spec describes the format.
func Spec() format.Spec {
	return format.Spec{Name: "vpcflow", Class: event.Flow, New: New, Version: 2, Sniff: sniff, Header: Header, Column: hasColumn, Key: isKey}
}

// DefaultLayout is the layout of flow logs that nobody customised.
const DefaultLayout = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"

const defaultColumns = 14

type parser struct {
	event event.Event
	lines *flowline.Reader
}

// New returns a parser.
func New() format.Parser { return &parser{lines: flowline.NewReader(columns(), DefaultLayout)} }

func (p *parser) Parse(r *record.Record, emit func(*event.Event)) error {
	e := &p.event
	e.Reset(event.Flow, r)
	e.SetText(event.Provider, "aws")
	e.SetText(event.Outcome, event.Unknown)
	if err := p.lines.Read(e, r); err != nil {
		return err
	}
	if r.Layout == "" {
		if err := isDefault(e); err != nil {
			return err
		}
	}
	emit(e)
	return nil
}

// isDefault refuses a line that nobody named the columns of and that has what no default column says: another layout of
// as many columns would be read shifted. Where the columns are named, words that are yet to come are taken.
func isDefault(e *event.Event) error {
	switch v := e.Text(event.Action); v {
	case "", "ACCEPT", "REJECT":
	default:
		return notDefault("13 (action)", v)
	}
	switch v := e.Text(event.LogStatus); v {
	case "", "OK", "NODATA", "SKIPDATA":
		return nil
	default:
		return notDefault("14 (log-status)", v)
	}
}

func notDefault(column, v string) error {
	return format.Errorf(record.ReasonSyntax, "column %s: not of the default layout: %q; the log's own must be configured", column, v)
}

// Header recognises a line of column names and returns it as a layout.
func Header(line []byte) (layout string, ok bool) { return columns().Header(line) }

func hasColumn(name string) bool { return columns().Has(name) }

// sniff knows the default layout; any other needs its header or a configured layout. A line that only starts like
// the default is claimed weakly, so that it becomes a dead letter of this format with the count as reason.
func sniff(raw []byte) int {
	if _, ok := Header(raw); ok {
		return 95
	}
	version, rest := cut(raw[:min(len(raw), 400)])
	account, rest := cut(rest)
	eni, rest := cut(rest)
	if len(version) > 2 || !isDigits(version) {
		return 0
	}
	if (len(account) != 12 || !isDigits(account)) && string(account) != "unknown" && string(account) != "-" {
		return 0
	}
	if !bytes.HasPrefix(eni, []byte("eni-")) && string(eni) != "-" {
		return 0
	}
	n, inside := 3, false
	for _, c := range rest {
		if blank := c <= ' '; blank == inside {
			if inside = !blank; inside {
				n++
			}
		}
	}
	if n == defaultColumns {
		return 90
	}
	return 30
}

// cut takes the next word off a line.
func cut(s []byte) (word, rest []byte) {
	i := 0
	for i < len(s) && s[i] <= ' ' {
		i++
	}
	s = s[i:]
	for i = 0; i < len(s) && s[i] > ' '; {
		i++
	}
	return s[:i], s[i:]
}

func isDigits(s []byte) bool {
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(s) > 0
}

// isKey knows the folders of flow logs, with and without names of their parts.
func isKey(object string) bool {
	return strings.Contains(object, "/vpcflowlogs/") || strings.Contains(object, "/aws-service=vpcflowlogs/")
}
