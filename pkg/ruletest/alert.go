package ruletest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// formatAlert is the format of logs that are alerts. It exists in tests only: nothing that comes from outside can be an
// alert.
const formatAlert = "alert"

// isAlert reports whether the log is alerts in their own JSON: it says so, or the rule is over alerts and the log is JSON
// that names a rule.
func (b *bench) isAlert(l *rule.TestLog) bool {
	if l.Format != "" || !b.rule.OverAlerts() {
		return l.Format == formatAlert
	}
	var some struct {
		RuleID string `json:"rule_id"`
	}
	err := json.NewDecoder(numbered(l.Raw, 1)).Decode(&some)
	return err == nil && some.RuleID != ""
}

// alertLog matches the alerts of one repeat of a log. A test writes of an alert what its rule looks at: what is left out
// becomes that of an alert of a rule over class api, and each is an alert of its own.
func (b *bench) alertLog(object string, r io.Reader, shift *shifter) error {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	for n := 0; ; n++ {
		a := alert.Alert{
			ID: alert.NewID("test", object, nil, int64(n)), Severity: "medium", Classes: []string{"api"}, Count: 1,
			LastEventTime: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		}
		err := d.Decode(&a)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read alert: %w", err)
		case a.RuleID == "":
			return errors.New("read alert: it has no rule_id")
		case rule.SeverityRank(a.Severity) < 0:
			return fmt.Errorf("read alert: severity %q is none", a.Severity)
		}
		b.alert(a, shift)
	}
}

func (b *bench) alert(a alert.Alert, shift *shifter) {
	a = a.AtOnce()
	for i := range a.Reached {
		l := &a.Reached[i]
		if b.events == 0 {
			b.start = l.EventTime.UnixNano()
			first, _ := json.Marshal(a) // it came as JSON
			b.first = string(first)
		}
		b.events++
		l.EventTime = shift.place(l.EventTime, b.start)
		b.came(l.EventTime.UnixNano())
	}
	b.matcher.Alert(&a)
}
