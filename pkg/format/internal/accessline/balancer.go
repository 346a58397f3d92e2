package accessline

import (
	"bytes"
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
)

// What the logs of the load balancers share.

// IsTestMessage reports whether a line is what balancers write to see that they may write: "Enable AccessLog for
// ELB: …", and the same for connection logs.
func IsTestMessage(line []byte) bool {
	what, ok := bytes.CutPrefix(line[:min(len(line), 64)], []byte("Enable "))
	return ok && bytes.Contains(what, []byte("Log for ELB"))
}

// SetClient sets src_ip and src_port from "address:port"; what is no such thing is src_host.
func SetClient(e *event.Event, s string) {
	if a, port, ok := Endpoint(s); ok {
		e.SetAddr(event.SrcIP, a)
		e.SetInt(event.SrcPort, port)
		return
	}
	SetSource(e, s)
}

// SetUpstream sets upstream_ip and upstream_port from "address:port"; what is no such thing, a Lambda function for
// instance, is unmapped as target_host.
func SetUpstream(e *event.Event, s string) {
	if a, port, ok := Endpoint(s); ok {
		e.SetAddr(event.UpstreamIP, a)
		e.SetInt(event.UpstreamPort, port)
		return
	}
	Keep(e, "target_host", s)
}

// SetAccount sets region and account from a resource's ARN, where nothing else in a line has them.
func SetAccount(e *event.Event, arn string) {
	var part [5]string // arn:partition:service:region:account:…
	for i := range part {
		var ok bool
		if part[i], arn, ok = strings.Cut(arn, ":"); !ok {
			return
		}
	}
	if part[0] == "arn" {
		e.SetText(event.Region, part[3])
		e.SetText(event.AccountID, part[4])
	}
}

// SetSeconds sets a duration logged in seconds; "-" and -1 are what did not happen. ok is false when s is no number.
func SetSeconds(e *event.Event, f event.FloatField, s string) (ok bool) {
	if absent(s) {
		return true
	}
	v, ok := Millis(s)
	if ok {
		e.SetFloat(f, v)
	}
	return ok
}

// SetMillis sets a duration logged in milliseconds, else as SetSeconds does.
func SetMillis(e *event.Event, f event.FloatField, s string) (ok bool) {
	if absent(s) {
		return true
	}
	v, ok := Float(s)
	if ok = ok && v >= 0; ok {
		e.SetFloat(f, v)
	}
	return ok
}

// SetCount sets a number from 0 to limit; "-" and -1 are none. ok is false when s is no such number.
func SetCount(e *event.Event, f event.IntField, limit int64, s string) (ok bool) {
	if absent(s) {
		return true
	}
	v, ok := Int(s)
	if ok = ok && v >= 0 && v <= limit; ok {
		e.SetInt(f, v)
	}
	return ok
}

func absent(s string) bool { return s == "" || s == "-" || s == "-1" }

// Keep adds a value that no field holds, unless it is missing.
func Keep(e *event.Event, name, value string) {
	if Value(value) != "" {
		e.AddUnmapped(name, value)
	}
}

// Extras keeps the columns behind those that are known.
func Extras(e *event.Event, s string) {
	for n := 1; ; n++ {
		tok, rest, ok := Next(s)
		if !ok {
			return
		}
		Keep(e, ExtraName(n), tok.Text)
		s = rest
	}
}
