// Package http takes records over HTTP: POST /v1/logs/{format}, where {format} is a format's name or "auto".
//
// The body is what format.Split reads: lines, JSON values, a format's own document, gzip or not. It is read as a
// stream and handed over in batches; 200 comes only after the sink has taken the last of them, so it means durable.
// Bad records become dead letters and do not spoil the others. The answer is JSON: {"records":n,"dead_letters":m},
// with "error" when it is not 200; records counted there are durable even then. A client that repeats a request should
// send the same Idempotency-Key with it: its records then have the same identity. Start reading at serve.
//
// Statuses: 200 taken; 400 the body broke off; 401 no token or a wrong one; 404 no such format; 405 not a POST; 413 body
// over the limit; 415 an encoding other than gzip; 429 overloaded, with Retry-After; 503 the sink failed.
//
// Metrics: shrike_http_requests_total{reason}, shrike_http_bytes_total.
package http

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	nethttp "net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/source"
)

// Options is what the program passes. Zero numbers mean the defaults.
type Options struct {
	Tokens   []string // bearer tokens that are let in; none lets everybody in
	Registry *format.Registry

	MaxBody     int64         // bytes as sent; default 64 MiB. Uncompressed, 16 times that
	MaxRecord   int           // bytes; default format.DefaultMaxRecord
	MaxRequests int           // at once; default 64
	SinkTimeout time.Duration // how long a batch may take before the client is told to come back; default 30 s
	ReadTimeout time.Duration // how long a body may send nothing; default 30 s

	// Overloaded says whether to turn requests away, why and for how long; nil never does.
	Overloaded func() (retryAfter time.Duration, reason string, overloaded bool)

	Log        *zap.Logger
	Registerer prometheus.Registerer
}

// inflation is how much larger than MaxBody the uncompressed records of a body may be together.
const inflation = 16

// Name is the source of all records that come in here.
const Name = "http"

// Source serves ingest requests. It is safe for concurrent use.
type Source struct {
	o       Options
	tokens  [][sha256.Size]byte
	slots   chan struct{}
	metrics metrics
}

// New makes a Source.
func New(o Options) (*Source, error) {
	if o.Registry == nil {
		return nil, errors.New("HTTP source needs formats")
	}
	if o.MaxBody <= 0 {
		o.MaxBody = 64 << 20
	}
	if o.MaxRequests <= 0 {
		o.MaxRequests = 64
	}
	for d, def := range map[*time.Duration]time.Duration{&o.SinkTimeout: 30 * time.Second, &o.ReadTimeout: 30 * time.Second} {
		if *d <= 0 {
			*d = def
		}
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	s := &Source{o: o, slots: make(chan struct{}, o.MaxRequests), metrics: newMetrics(o.Registerer)}
	for _, t := range o.Tokens {
		if t == "" {
			return nil, errors.New("a token is empty")
		}
		s.tokens = append(s.tokens, sha256.Sum256([]byte(t)))
	}
	return s, nil
}

// Handler returns the handler of /v1/logs/{format}, whose records go to sink.
func (s *Source) Handler(sink source.Sink) nethttp.Handler {
	mux := nethttp.NewServeMux()
	mux.HandleFunc("/v1/logs/{format}", func(w nethttp.ResponseWriter, r *nethttp.Request) {
		counts, problem := s.serve(w, r, sink)
		s.answer(w, counts, problem)
	})
	return mux
}

// problem is why a request is not answered with 200.
type problem struct {
	status int
	text   string
	after  time.Duration // of Retry-After; 0 sends none
}

func (s *Source) answer(w nethttp.ResponseWriter, c source.Counts, p *problem) {
	status := nethttp.StatusOK
	body := struct {
		Error       string `json:"error,omitempty"`
		Records     int64  `json:"records"`
		DeadLetters int64  `json:"dead_letters"`
	}{Records: c.Records, DeadLetters: c.DeadLetters}
	if p != nil {
		status, body.Error = p.status, p.text
		if p.after > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(p.after.Seconds()))))
		}
	}
	s.metrics.count(status)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone; there is nobody to tell
}

func (s *Source) serve(w nethttp.ResponseWriter, r *nethttp.Request, sink source.Sink) (source.Counts, *problem) {
	name := r.PathValue("format")
	if p := s.refuse(w, r, name); p != nil {
		return source.Counts{}, p
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		return source.Counts{}, &problem{nethttp.StatusTooManyRequests, "too many requests at once", time.Second}
	}
	if name == "auto" {
		name = ""
	}
	return s.read(w, r, name, sink)
}

// refuse finds what is wrong with a request before its body is read. Who has no token learns nothing else.
func (s *Source) refuse(w nethttp.ResponseWriter, r *nethttp.Request, name string) *problem {
	if r.Method != nethttp.MethodPost {
		w.Header().Set("Allow", nethttp.MethodPost)
		return &problem{status: nethttp.StatusMethodNotAllowed, text: "use POST"}
	}
	if !s.allowed(r.Header.Get("Authorization")) {
		w.Header().Set("WWW-Authenticate", "Bearer")
		return &problem{status: nethttp.StatusUnauthorized, text: "send a valid token: Authorization: Bearer …"}
	}
	if _, ok := s.o.Registry.Spec(name); !ok && name != "auto" {
		return &problem{status: nethttp.StatusNotFound, text: fmt.Sprintf("no format is named %q; \"auto\" recognises by content", name)}
	}
	if _, err := s.layout(r, name); err != nil {
		return &problem{status: nethttp.StatusBadRequest, text: err.Error()}
	}
	switch e := strings.ToLower(r.Header.Get("Content-Encoding")); e {
	case "", "identity", "gzip", "x-gzip": // what the body is, its bytes say
	default:
		return &problem{status: nethttp.StatusUnsupportedMediaType, text: fmt.Sprintf("encoding %q is not supported; use gzip", e)}
	}
	if r.ContentLength > s.o.MaxBody {
		return s.tooLarge()
	}
	if s.o.Overloaded != nil {
		if after, why, yes := s.o.Overloaded(); yes {
			return &problem{nethttp.StatusTooManyRequests, why, max(after, time.Second)}
		}
	}
	return nil
}

func (s *Source) tooLarge() *problem {
	return &problem{
		status: nethttp.StatusRequestEntityTooLarge,
		text:   fmt.Sprintf("the body is larger than %d bytes, or %d uncompressed; send it in parts", s.o.MaxBody, s.o.MaxBody*inflation),
	}
}

// allowed compares hashes, all of them, so that the time taken says nothing about the tokens.
func (s *Source) allowed(authorization string) bool {
	if len(s.tokens) == 0 {
		return true
	}
	scheme, token, _ := strings.Cut(authorization, " ")
	given, found := sha256.Sum256([]byte(strings.TrimSpace(token))), 0
	for i := range s.tokens {
		found |= subtle.ConstantTimeCompare(given[:], s.tokens[i][:])
	}
	return found == 1 && strings.EqualFold(scheme, "Bearer")
}

// layout is the one that the request names, as the format takes it.
func (s *Source) layout(r *nethttp.Request, name string) (string, error) {
	layout := r.URL.Query().Get("layout")
	switch _, ok := s.o.Registry.Spec(name); {
	case layout == "":
		return "", nil
	case !ok:
		return "", errors.New("a layout needs its format in the path: /v1/logs/vpcflow?layout=…")
	}
	layout, _, err := s.o.Registry.Layout(name, layout)
	return layout, err
}

// read hands a body's records to the sink.
func (s *Source) read(w nethttp.ResponseWriter, r *nethttp.Request, name string, sink source.Sink) (source.Counts, *problem) {
	limited := &timedSink{next: sink, timeout: s.o.SinkTimeout}
	batch := source.NewBatch(r.Context(), limited, source.Limits{}, nil)
	layout, _ := s.layout(r, name) // checked before
	stats, err := format.Split(r.Context(), s.body(w, r), s.o.Registry, format.SplitOptions{
		Origin: record.Origin{Source: Name, Object: object(r)}, Received: time.Now().UTC(),
		Format: name, Layout: layout, MaxRecord: s.o.MaxRecord,
		MaxBytes: s.o.MaxBody * inflation,
	}, batch.Record, batch.DeadLetter)
	if err == nil {
		err = batch.Flush()
	}
	s.metrics.bytes.Add(float64(stats.Bytes))
	s.metrics.disagreements.Add(float64(stats.Disagreements))
	return batch.Sent(), s.problemOf(r.Context(), err, limited.failed)
}

func (s *Source) problemOf(ctx context.Context, err error, sinkFailed bool) *problem {
	var over *nethttp.MaxBytesError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &over) || errors.Is(err, format.ErrTooLarge):
		return s.tooLarge()
	case sinkFailed && ctx.Err() == nil:
		s.o.Log.Warn("refuse records that cannot be kept", zap.Error(err))
		return &problem{nethttp.StatusServiceUnavailable, "the records cannot be kept now; send the request again", time.Second}
	default:
		return &problem{status: nethttp.StatusBadRequest, text: "the body broke off; send the request again"}
	}
}

// body is the request's body, bounded in size and in the time it may say nothing.
func (s *Source) body(w nethttp.ResponseWriter, r *nethttp.Request) io.Reader {
	return &timedReader{
		in:      nethttp.MaxBytesReader(w, r.Body, s.o.MaxBody),
		conn:    nethttp.NewResponseController(w),
		timeout: s.o.ReadTimeout,
	}
}

// object names the request as the origin of its records: by its Idempotency-Key, so that a repetition makes the same
// events, or by a name of its own.
func object(r *nethttp.Request) string {
	if key := r.Header.Get("Idempotency-Key"); key != "" && len(key) <= 200 {
		return "request:" + key
	}
	return r.RemoteAddr + "#" + rand.Text()[:12]
}
