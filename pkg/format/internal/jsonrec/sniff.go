package jsonrec

import "github.com/shrike-sec/shrike/pkg/format"

// Has reports whether raw is an object with all of those members. It looks no further than the last of them.
func Has(raw []byte, names ...string) bool {
	if len(raw) == 0 || raw[0] != '{' || len(names) > 64 {
		return false
	}
	var seen uint64
	for c := format.NewCursor(raw); c.Next(); {
		for i, name := range names {
			if string(c.Key) == name {
				if seen |= 1 << i; seen == 1<<len(names)-1 {
					return true
				}
			}
		}
	}
	return false
}

// MemberOf returns the value of an object's member as it stands, nil when there is none.
func MemberOf(raw []byte, name string) []byte {
	for c := format.NewCursor(raw); c.Next(); {
		if string(c.Key) == name && c.Take() {
			return c.Value
		}
	}
	return nil
}
