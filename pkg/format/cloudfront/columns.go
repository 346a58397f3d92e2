package cloudfront

import (
	"math"
	"strings"
	"sync"

	"github.com/shrike-sec/shrike/pkg/event"
)

type kind uint8

const (
	unmapped kind = iota // no field holds it
	text
	encoded // text that the log percent-encoded
	integer
	seconds // a duration
	client
	host
	forwarded
	version
	status
	date // this and those below are times
	clock
	stamp   // seconds since 1970, possibly with a fraction
	stampMS // milliseconds since 1970
)

// String says what a column must hold, for error texts.
func (k kind) String() string {
	switch k {
	case integer, seconds:
		return "a number in range"
	case status:
		return "a status"
	}
	return "a text"
}

type column struct {
	name  string // as the layout spells it; in lower case in columnsByName
	kind  kind
	max   int64 // of an integer
	lax   bool  // a server's own text: what is no number says nothing about the layout and stays text
	text  event.TextField
	int   event.IntField
	float event.FloatField
}

// columnsByName returns every column of standard, v2 and real-time logs by its name in lower case. Real-time logs spell
// cs(Host) cs-host; Parquet has cs_host, which is looked up as that.
var columnsByName = sync.OnceValue(func() map[string]column {
	m := map[string]column{}
	add := func(c column, names ...string) {
		for _, name := range names {
			c.name = name
			m[name] = c
		}
	}
	for name, k := range map[string]kind{
		"date": date, "time": clock, "timestamp": stamp, "timestamp(ms)": stampMS, "timestamp-ms": stampMS,
		"c-ip": client, "x-host-header": host, "x-forwarded-for": forwarded, "cs-protocol-version": version, "sc-status": status,
	} {
		add(column{kind: k}, name)
	}
	for name, f := range map[string]event.TextField{
		"x-edge-location": event.EdgeLocation, "cs-method": event.Method, "x-edge-result-type": event.EdgeResult,
		"x-edge-request-id": event.RequestID, "cs-protocol": event.URLScheme, "ssl-protocol": event.TLSVersion,
		"ssl-cipher": event.TLSCipher, "x-edge-response-result-type": event.EdgeResponseResult,
		"x-edge-detailed-result-type": event.EdgeResultDetail, "distributionid": event.DistributionID,
		"c-country": event.SrcCountry, "connection-id": event.ConnTraceID,
	} {
		add(column{kind: text, text: f}, name)
	}
	add(column{kind: text, text: event.DistributionHost}, "cs(host)", "cs-host")
	add(column{kind: encoded, text: event.URLPath}, "cs-uri-stem")
	add(column{kind: encoded, text: event.URLQuery}, "cs-uri-query")
	add(column{kind: encoded, text: event.Referer}, "cs(referer)", "cs-referer")
	add(column{kind: encoded, text: event.UserAgent}, "cs(user-agent)", "cs-user-agent")
	add(column{kind: encoded, text: event.Cookie}, "cs(cookie)", "cs-cookie")
	add(column{kind: encoded, text: event.ContentType}, "sc-content-type")
	for name, c := range map[string]column{
		"sc-bytes": {int: event.BytesOut, max: math.MaxInt64}, "cs-bytes": {int: event.BytesIn, max: math.MaxInt64},
		"sc-content-len": {int: event.BodyBytes, max: math.MaxInt64, lax: true},
		"c-port":         {int: event.SrcPort, max: 65535}, "asn": {int: event.SrcASN, max: math.MaxUint32},
	} {
		c.kind = integer
		add(c, name)
	}
	for name, f := range map[string]event.FloatField{
		"time-taken": event.DurationMS, "time-to-first-byte": event.FirstByteMS,
		"origin-fbl": event.UpstreamMS, "origin-lbl": event.UpstreamLastByteMS,
	} {
		add(column{kind: seconds, float: f}, name)
	}
	add(column{}, strings.Fields(otherColumns)...)
	return m
})

// otherColumns are columns that no field holds: they make a header known and end in unmapped.
const otherColumns = `fle-status fle-encrypted-fields sc-range-start sc-range-end
	c-ip-version cache-behavior-path-pattern cs-headers cs-header-names cs-headers-count cs-accept cs-accept-encoding
	s-ip primary-distribution-id primary-distribution-dns-name distribution-tenant-id
	viewer-request-log-data viewer-response-log-data r-host sr-reason x-edge-mqcs
	cmcd-encoded-bitrate cmcd-buffer-length cmcd-buffer-starvation cmcd-content-id cmcd-object-duration cmcd-deadline
	cmcd-measured-throughput cmcd-next-object-request cmcd-next-range-request cmcd-object-type cmcd-playback-rate
	cmcd-requested-maximum-throughput cmcd-streaming-format cmcd-session-id cmcd-stream-type cmcd-startup
	cmcd-top-bitrate cmcd-version`
