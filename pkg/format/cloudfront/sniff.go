package cloudfront

import (
	"bytes"
	"strings"
	"time"

	"github.com/shrike-sec/shrike/pkg/format"
)

// sniff knows #Fields lines, JSON by the names of its keys and lines of the default layout; any other layout needs its
// #Fields line or a configured one. A line that only starts like the default is claimed weakly, so that it becomes a
// dead letter of this format with the reason.
func sniff(raw []byte) int {
	switch {
	case len(raw) == 0:
		return 0
	case raw[0] == '{':
		return sniffObject(raw)
	case raw[0] == '#':
		return sniffDirective(raw)
	}
	return sniffLine(raw)
}

func sniffDirective(raw []byte) int {
	if _, ok := Header(raw); ok {
		return 95
	}
	if bytes.HasPrefix(raw, []byte("#Version: 1.")) {
		return 60
	}
	return 0
}

// maxKeys bounds how many keys are looked at for one that only CloudFront has.
const maxKeys = 64

// sniffObject looks at the keys; an object or array among the values is not CloudFront's.
func sniffObject(raw []byte) int {
	c := format.NewCursor(raw)
	for n := 0; n < maxKeys && c.Next(); n++ {
		if first := c.First(); first == '{' || first == '[' {
			return 0
		}
		if isOwn(c.Key) {
			return 90
		}
	}
	return 0
}

func isOwn(key []byte) bool {
	for _, prefix := range [...]string{"x-edge-", "cs(", "cs-", "sc-", "c-ip", "c-port", "time-to-first-byte", "timestamp(ms)", "DistributionId", "distributionid",
		"x_edge_", "x_host_header", "time_to_first_byte"} {
		if len(key) >= len(prefix) && string(key[:len(prefix)]) == prefix {
			return true
		}
	}
	return false
}

// sniffLine looks for date, time, edge, size, address and method, divided by tabs.
func sniffLine(raw []byte) int {
	const start = "0000-00-00\t00:00:00\t"
	if len(raw) < len(start) {
		return 0
	}
	for i := range len(start) {
		if c := raw[i]; start[i] == '0' && (c < '0' || c > '9') || start[i] != '0' && c != start[i] {
			return 0
		}
	}
	_, rest := next(raw[len(start):min(len(raw), 400)])
	size, rest := next(rest)
	_, rest = next(rest)
	method, _ := next(rest)
	if bytes.Count(raw, []byte{'\t'}) < oldest-1 || !isDigits(size) || !isMethod(method) {
		return 30
	}
	return 95
}

func next(s []byte) (value, rest []byte) {
	value, rest, _ = bytes.Cut(s, []byte{'\t'})
	return value, rest
}

func isDigits(s []byte) bool {
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(s) > 0
}

func isMethod(s []byte) bool {
	for _, c := range s {
		if (c < 'A' || c > 'Z') && c != '-' && c != '_' {
			return false
		}
	}
	return len(s) > 0
}

// isKey knows the folder of standard logging v2 and the names of legacy files: DISTRIBUTION.2026-03-01-09.UNIQUE.gz.
func isKey(object string) bool {
	if strings.Contains(object, "/CloudFront/") {
		return true
	}
	name := object[strings.LastIndexByte(object, '/')+1:]
	distribution, rest, _ := strings.Cut(name, ".")
	hour, unique, _ := strings.Cut(rest, ".")
	_, err := time.Parse("2006-01-02-15", hour)
	return err == nil && unique != "" && strings.HasPrefix(distribution, "E") && strings.Trim(distribution, letters) == ""
}

// letters are those of distributions' ids.
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
