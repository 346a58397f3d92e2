package cli

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/redact"
)

func redactFlag(c *cobra.Command, off *bool) {
	c.Flags().BoolVar(off, "no-redact", false, "show secrets as the log has them")
}

// hide cuts secrets out of what is shown, unless they are to be seen.
type hide struct{ *redact.Redactor }

func hiding(off bool) hide {
	if off {
		return hide{}
	}
	return hide{redact.New(redact.Default())}
}

func (h hide) event(e *event.Event) {
	if h.Redactor != nil {
		h.Event(e)
	}
}

// deadLetter prints one.
func (h hide) deadLetter(out io.Writer, d *record.DeadLetter) {
	h.letter(d)
	printDeadLetter(out, d)
}

func (h hide) letter(d *record.DeadLetter) {
	if h.Redactor != nil {
		h.DeadLetter(d)
	}
}
