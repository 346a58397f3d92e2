package alert

import (
	"encoding/binary"
	"encoding/hex"

	"github.com/zeebo/xxh3"
)

// NewID names an alert by what it is about, never by when or in which order its events came: the rule (its id and the
// hash of condition, kind, window and group), the group key (or the event's id, or the group key and the new value) and
// the number of the period. Every part is prefixed with its length, so that no value can pass for two.
func NewID(ruleHash string, ruleID string, key []string, period int64) string {
	var buf [256]byte
	b := appendPart(buf[:0], ruleHash)
	b = appendPart(b, ruleID)
	b = binary.AppendUvarint(b, uint64(len(key)))
	for _, k := range key {
		b = appendPart(b, k)
	}
	b = binary.AppendVarint(b, period)
	sum := xxh3.Hash128(b).Bytes()
	return hex.EncodeToString(sum[:])
}

func appendPart(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
