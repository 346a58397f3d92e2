package azure

import (
	"strings"
	"time"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format/internal/accessline"
	"github.com/shrike-sec/shrike/pkg/format/internal/jsonrec"
)

// when reads a time. Some of Azure's services write theirs without a zone, which is UTC then, or as .NET does where nobody
// said how: 1/9/2026 9:41:00 AM, 01/09/2026 09:41:00, month first.
func when(w *jsonrec.Walker, v jsonrec.Value) bool {
	set := jsonrec.Time(event.EventTime)
	text := w.Plain(v)
	if !v.Quoted() || len(text) < len("1/9/2026 9:41:00") || text[len(text)-1] == 'Z' {
		return set(w, v)
	}
	ns, ok := accessline.ISOTime(text)
	if !ok {
		ns, ok = withoutZone(text)
	}
	if have, known := w.Event.Time(event.EventTime); !ok || known && have.UnixNano() != ns {
		return set(w, v)
	}
	w.Event.SetUnixNano(event.EventTime, ns)
	return true
}

func withoutZone(text string) (ns int64, ok bool) {
	if date, clock, iso := strings.Cut(text, "T"); iso {
		return accessline.UTCTime(date, clock)
	}
	if strings.IndexByte(text[:min(len(text), 3)], '/') < 0 {
		return 0, false
	}
	layout := "1/2/2006 15:04:05"
	switch {
	case strings.HasSuffix(text, "M"):
		layout = "1/2/2006 3:04:05 PM"
	case strings.Contains(text, "M "):
		layout = "1/2/2006 3:04:05 PM -07:00"
	}
	at, err := time.Parse(layout, text)
	return at.UnixNano(), err == nil && at.Year() >= 1970 && at.Year() < 2262
}
