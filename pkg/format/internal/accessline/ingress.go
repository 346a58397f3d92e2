package accessline

import (
	"math"
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
)

// ingress reads ingress-nginx's tail: request length, request time, [service] [alternative] upstream address,
// its bytes, time and status, request id. After retries the four are lists ("a, b", "a, b : c"), which are upstream_list and
// upstream_status_list, and unmapped.
func ingress(e *event.Event, s string) bool {
	var front [4]Token
	for i := range front {
		var ok bool
		if front[i], s, ok = Next(s); !ok {
			return false
		}
	}
	if !front[2].Boxed || !front[3].Boxed {
		return false
	}
	addresses, s := retries(s)
	lengths, s := retries(s)
	times, s := retries(s)
	statuses, s := retries(s)
	id, s := Bare(s)
	if id == "" || s != "" {
		return false
	}
	if !SetCount(e, event.BytesIn, math.MaxInt64, front[0].Text) || !SetSeconds(e, event.DurationMS, front[1].Text) {
		return false
	}
	setUpstreams(e, addresses, times, statuses)
	e.SetText(event.RequestID, Value(id))
	Keep(e, "proxy_upstream_name", front[2].Text)
	Keep(e, "proxy_alternative_upstream_name", front[3].Text)
	Keep(e, "upstream_response_length", lengths)
	return true
}

// retries cuts one column that has a value for each upstream that was tried.
func retries(s string) (list, rest string) {
	s = strings.TrimLeft(s, " ")
	for i := 0; ; {
		word, _ := Bare(s[i:])
		i += len(word)
		if strings.HasPrefix(s[i:], " : ") { // another group of servers
			i += len(" : ")
			continue
		}
		if !strings.HasSuffix(word, ",") || i == len(s) {
			return s[:i], after(s, i)
		}
		i++
	}
}

func setUpstreams(e *event.Event, addresses, times, statuses string) {
	if strings.IndexByte(addresses, ' ') >= 0 {
		addParts(e, event.UpstreamList, addresses)
		addParts(e, event.UpstreamStatusList, statuses)
		Keep(e, "upstream_response_time", times)
		return
	}
	if a, port, ok := Endpoint(addresses); ok {
		e.SetAddr(event.UpstreamIP, a)
		e.SetInt(event.UpstreamPort, port)
	} else {
		Keep(e, "upstream_addr", addresses)
	}
	if !SetSeconds(e, event.UpstreamMS, times) {
		Keep(e, "upstream_response_time", times)
	}
	if !SetCount(e, event.UpstreamStatus, 999, statuses) {
		Keep(e, "upstream_status", statuses)
	}
}

// addParts adds what stands between commas and colons to a list.
func addParts(e *event.Event, f event.ListField, s string) {
	for part := range strings.FieldsSeq(s) {
		if part = strings.TrimSuffix(part, ","); part != ":" && part != "" { // "-" has its place among the others
			e.AddList(f, part)
		}
	}
}
