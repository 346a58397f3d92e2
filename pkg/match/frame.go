package match

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/zeebo/xxh3"
)

// Schema is the version of a frame's JSON.
const Schema = 1

// ErrTooLarge says that a frame without any signal is over the limit.
var ErrTooLarge = errors.New("frame header is over the message limit")

// Encode writes f as JSON messages of at most maxBytes each: one, or several parts of one attempt. It sets Schema, Part and
// Parts; Attempt, where it is "", becomes a hash of the signals, so that a replay of the same range gives parts that may take
// each other's place. A single signal over the limit loses samples from its end, never counts. f itself is not changed.
func Encode(f *Frame, maxBytes int) ([][]byte, error) {
	head := *f
	head.Schema, head.Part, head.Parts, head.Signals = Schema, 0, 1, nil
	bodies, err := encodeSignals(f.Signals, maxBytes-headRoom(&head))
	if err != nil {
		return nil, err
	}
	if head.Attempt == "" {
		head.Attempt = attemptOf(bodies)
	}
	room := maxBytes - headRoom(&head)
	if room < 0 {
		return nil, fmt.Errorf("encode frame of %s/%d: %w", f.Origin.Topic, f.Origin.Partition, ErrTooLarge)
	}
	cuts := split(bodies, room)
	head.Parts = len(cuts)
	out := make([][]byte, 0, len(cuts))
	for i, part := range cuts {
		head.Part = i
		msg, err := compose(&head, part)
		if err != nil {
			return nil, err
		}
		out = append(out, msg)
	}
	return out, nil
}

// headRoom is what a message needs beside its signals, with space for part numbers and an attempt.
func headRoom(head *Frame) int {
	return len(head.Attempt) + len(head.Origin.Topic)*6 + len(head.RuleSet)*6 + 320
}

func encodeSignals(signals []Signal, limit int) ([][]byte, error) {
	bodies := make([][]byte, 0, len(signals))
	for i := range signals {
		s := signals[i]
		for {
			b, err := marshal(&s)
			if err != nil {
				return nil, fmt.Errorf("encode signal of rule %s: %w", s.Rule, err)
			}
			if len(b) <= limit || len(s.Samples) == 0 {
				bodies = append(bodies, b)
				break
			}
			s.Samples = s.Samples[:len(s.Samples)*3/4]
		}
	}
	return bodies, nil
}

func attemptOf(bodies [][]byte) string {
	h := xxh3.New()
	for _, b := range bodies {
		_, _ = h.Write(b)
	}
	sum := h.Sum128().Bytes()
	return hex.EncodeToString(sum[:8])
}

// split cuts bodies into runs whose JSON fits room; there is always one, maybe empty.
func split(bodies [][]byte, room int) [][][]byte {
	var cuts [][][]byte
	start, size := 0, 0
	for i, b := range bodies {
		if i > start && size+len(b)+1 > room {
			cuts = append(cuts, bodies[start:i])
			start, size = i, 0
		}
		size += len(b) + 1
	}
	return append(cuts, bodies[start:])
}

// compose writes one message: the head's JSON with the encoded signals put in.
func compose(head *Frame, signals [][]byte) ([]byte, error) {
	msg, err := marshal(head)
	if err != nil {
		return nil, fmt.Errorf("encode frame: %w", err)
	}
	if len(signals) == 0 {
		return msg, nil
	}
	msg = append(msg[:len(msg)-1], `,"signals":[`...)
	for i, s := range signals {
		if i > 0 {
			msg = append(msg, ',')
		}
		msg = append(msg, s...)
	}
	return append(msg, "]}"...), nil
}

// marshal writes v as JSON without the escapes that HTML would need: logs are full of & and <.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
