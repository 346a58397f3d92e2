package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/bus"
)

// maxAlert is how many bytes of JSON an alert has at most. What logs say is most of it, and whoever writes them must not make
// an alert that Kafka does not take: it would be tried again for ever, and nothing after it be correlated.
const maxAlert = 900_000

// alertMessage writes the alert as a message, without the escapes that HTML would need: a value of nothing but < would be
// six times as long. An alert over the limit loses samples from its end, then its pivots, never what it counts; a is not changed.
func alertMessage(a *alert.Alert) (bus.Message, error) {
	cut := *a
	for {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(&cut); err != nil {
			return bus.Message{}, fmt.Errorf("encode alert %s: %w", a.ID, err)
		}
		switch {
		case b.Len() <= maxAlert || len(cut.Events)+len(cut.Pivots) == 0:
			return bus.Message{Topic: bus.Alerts, Partition: -1, Key: []byte(a.Entity.ID), Value: bytes.TrimSuffix(b.Bytes(), []byte("\n"))}, nil
		case len(cut.Events) > 0:
			cut.Events = cut.Events[:len(cut.Events)*3/4]
		default:
			cut.Pivots = nil
		}
	}
}

// decodeAlert is the inverse of alertMessage.
func decodeAlert(body []byte) (alert.Alert, error) {
	var a alert.Alert
	if err := json.Unmarshal(body, &a); err != nil {
		return a, fmt.Errorf("read alert: %w", err)
	}
	if a.Schema != 1 || a.ID == "" {
		return a, fmt.Errorf("read alert: schema %d and id %q: want schema 1 and an id", a.Schema, a.ID)
	}
	return a, nil
}
