package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/shrike-sec/shrike/pkg/builtin"
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/scan"
)

func (s *shell) parseCommand() *cobra.Command {
	var formatName, layout string
	var noRedact bool
	c := &cobra.Command{
		Use: "parse FILE...", Short: "Print the events of log files, one JSON object a line", Args: cobra.MinimumNArgs(1),
		Long: `Print the events of log files as the rules and the tables see them: one JSON object a line, keys by the field table.
Formats and gzip are recognised by content. Records that cannot be parsed go to standard error with file, line and
reason, and do not change the exit status. Exit status 3: a file could not be read.`,
		Example: `  shrike parse access.log
  shrike parse trail/ | jq 'select(.outcome == "failure") | .event_name'
  zcat flow.gz | shrike parse - --format vpcflow --layout "interface-id srcaddr dstaddr start end action"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			formats := builtin.Formats()
			layout, err := s.checkFormat(formats, formatName, layout)
			if err != nil {
				return err
			}
			inputs, unreadable := scan.Inputs(args, s.in)
			out := bufio.NewWriterSize(s.out, 64<<10)
			var line []byte
			hide := hiding(noRedact)
			r := scan.NewReader(scan.ReaderOptions{
				Formats: formats, Format: formatName, Layout: layout,
				Event: func(e *event.Event) error {
					hide.event(e)
					line = append(e.AppendJSON(line[:0]), '\n')
					_, err := out.Write(harmless(line))
					return err
				},
				DeadLetter: func(d *record.DeadLetter) error {
					hide.deadLetter(s.err, d)
					return nil
				},
			})
			for _, in := range inputs {
				err := r.Read(cmd.Context(), in)
				if bad, ok := errors.AsType[*scan.Unreadable](err); ok {
					unreadable = errors.Join(unreadable, bad)
				} else if err != nil {
					return err
				}
			}
			if err := out.Flush(); err != nil {
				return fmt.Errorf("write events: %w", err)
			}
			printDisagreements(s.err, r.Counts().Disagreements)
			if unreadable != nil {
				return &exit{exitInput, unreadable}
			}
			return nil
		},
	}
	c.Flags().StringVar(&formatName, "format", "", "format of all files (none: recognised by content)")
	c.Flags().StringVar(&layout, "layout", "", "names of the columns in their order, divided by blanks, for formats that have a layout")
	redactFlag(c, &noRedact)
	return c
}

// checkFormat returns the layout as the format takes it, and tells of names in it that the format does not know.
func (s *shell) checkFormat(formats *format.Registry, name, layout string) (string, error) {
	if name == "" {
		if layout != "" {
			return "", usage("--layout needs --format")
		}
		return "", nil
	}
	var names []string
	for _, spec := range formats.Specs() {
		names = append(names, spec.Name)
	}
	if err := oneOf("format", name, names...); err != nil || layout == "" {
		return "", err
	}
	layout, unknown, err := formats.Layout(name, layout)
	if err != nil {
		return "", usage("--layout: %s", err)
	}
	for _, n := range unknown {
		fmt.Fprintf(s.err, "%s has no column %q that is known here: its values go to unmapped\n", name, printable(n))
	}
	return layout, nil
}

// printDeadLetter writes file:line: reason: detail.
func printDeadLetter(out io.Writer, d *record.DeadLetter) {
	at := printable(d.Origin.Object)
	if d.Origin.Line > 0 {
		at = fmt.Sprintf("%s:%d", at, d.Origin.Line)
	}
	fmt.Fprintf(out, "%s: %s: %s\n", at, d.Reason, printable(d.Detail))
}
