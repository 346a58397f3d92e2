package demo

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/shrike-sec/shrike/detections"
	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/app"
	"github.com/shrike-sec/shrike/pkg/simulate"
	"github.com/shrike-sec/shrike/pkg/web"
)

// screen writes whole lines: alerts come while the day is still being played.
type screen struct {
	mu  sync.Mutex // guards out
	out io.Writer
}

func (s *screen) line(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, format+"\n", args...)
}

// alert tells of an alert that fired.
func (s *screen) alert(a *alert.Alert) {
	s.line("  ALERT  %-8s  %s  %s\n         %s", a.Severity, a.FirstEventTime.Format("Jan 2 15:04:05"), a.RuleID, harmless(a.Title))
}

// harmless shows what a terminal might obey as escapes: titles hold what attackers wrote.
func harmless(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return s
	}
	q := strconv.Quote(s)
	return q[1 : len(q)-1]
}

func since(t time.Time) string { return fmt.Sprintf("%.1f s", time.Since(t).Seconds()) }

// number writes n with thousands apart.
func number[T int | uint64](n T) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Bounds of what is shown of a hunt.
const (
	shownRows  = 5
	shownWidth = 44
)

// hunt runs a named hunt and prints the first of its rows.
func (d *demo) hunt(ctx context.Context, api *client, name string) error {
	all, err := web.Hunts(detections.FS)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(h web.Hunt) bool { return h.Name == name })
	if i < 0 {
		return fmt.Errorf("there is no hunt %s", name)
	}
	var rows web.Rows
	if err := api.do(ctx, http.MethodPost, "/api/v1/hunt", map[string]string{"hunt": name}, &rows); err != nil {
		return fmt.Errorf("hunt %s: %w", name, err)
	}
	d.screen.line("\nhunt %s: %s", name, all[i].Description)
	d.screen.line("%s", tableOf(&rows))
	return nil
}

func tableOf(rows *web.Rows) string {
	t := table.NewWriter()
	style := table.StyleLight
	style.Format.Header = text.FormatDefault
	t.SetStyle(style)
	header := make(table.Row, len(rows.Columns))
	for i, c := range rows.Columns {
		header[i] = c
	}
	t.AppendHeader(header)
	for _, r := range rows.Rows[:min(len(rows.Rows), shownRows)] {
		row := make(table.Row, len(r))
		for i, v := range r {
			row[i] = text.Trim(harmless(fmt.Sprint(v)), shownWidth)
		}
		t.AppendRow(row)
	}
	out := t.Render()
	if more := len(rows.Rows) - shownRows; more > 0 {
		out += fmt.Sprintf("\n(and %d more)", more)
	}
	return out
}

// judge compares what came with what was hidden, and says so.
func (d *demo) judge(stored bool) int {
	var want []string
	for _, a := range d.attacks() {
		want = append(want, simulate.Expected(a)...)
	}
	missing, unexpected := compare(want, d.receiver.rules())
	d.screen.line("")
	for _, id := range missing {
		d.screen.line("MISSING     %s should have alerted", id)
	}
	for _, id := range unexpected {
		d.screen.line("UNEXPECTED  %s alerted on nothing that was hidden", id)
	}
	if len(missing)+len(unexpected) > 0 || !stored {
		d.screen.line("not as expected, after %s", since(d.began))
		return surprise
	}
	d.screen.line("as expected: %d attacks, alerts of %d rules, no other alert; %s", len(d.attacks()), len(want), since(d.began))
	return ok
}

// compare returns what of want is not in got, and the other way round.
func compare(want, got []string) (missing, unexpected []string) {
	for _, id := range want {
		if !slices.Contains(got, id) {
			missing = append(missing, id)
		}
	}
	for _, id := range got {
		if !slices.Contains(want, id) {
			unexpected = append(unexpected, id)
		}
	}
	return missing, unexpected
}

// addresses says where to look around.
func (d *demo) addresses(at *app.Endpoints) {
	d.screen.line(`
console   %s            (token in %s)
alerts    shrike alerts --data-dir %s
hunt      shrike hunt --data-dir %[3]s "SELECT event_name, count() FROM api GROUP BY 1 ORDER BY 2 DESC"
send      %s/v1/logs/{format}
metrics   %s/metrics
Ctrl-C ends it.`, at.APIURL, at.TokenFile, d.Dir, at.IngestURL, at.MetricsURL)
}
