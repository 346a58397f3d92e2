package demo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/shrike-sec/shrike/pkg/simulate"
)

const (
	// slice is how much of the day goes into one request for each format.
	slice = 10 * time.Minute
	// maxBody is when a request goes earlier.
	maxBody = 4 << 20
	// tries is how often an overloaded ingest is asked again.
	tries = 60
)

// play sends the day, in order of event time, and says how far it is. It returns how many records were taken.
func (d *demo) play(ctx context.Context, ingest string) (records int, err error) {
	start := time.Now().UTC().Truncate(time.Second).Add(-24 * time.Hour)
	g := simulate.New(simulate.Options{
		Seed: d.Seed, Start: start, Duration: 24 * time.Hour, Records: d.Records, History: history, Attacks: d.attacks(),
	})
	p := &player{url: ingest, token: d.token, client: &http.Client{Timeout: time.Minute}}
	d.screen.line("playing a day of a small company's logs, and three weeks of its launches before")
	told := start
	var l simulate.Log
	for g.Next(&l) {
		if l.Time.Sub(p.since) >= slice {
			if err := p.flush(ctx); err != nil {
				return p.records, err
			}
			p.since = l.Time
		}
		if l.Time.Sub(told) >= 6*time.Hour {
			told = told.Add(6 * time.Hour)
			d.screen.line("%s  %s records", told.Format("Jan 2 15:04"), number(p.records))
		}
		if err := p.add(ctx, &l); err != nil {
			return p.records, err
		}
	}
	return p.records, p.flush(ctx)
}

// player collects records by format and layout, and posts them.
type player struct {
	url, token string
	client     *http.Client
	since      time.Time // event time of the oldest record in bodies
	records    int
	bodies     []*body
}

type body struct {
	format, layout string
	lines          bytes.Buffer
	count          int
}

func (p *player) add(ctx context.Context, l *simulate.Log) error {
	i := slices.IndexFunc(p.bodies, func(b *body) bool { return b.format == l.Format && b.layout == l.Layout })
	if i < 0 {
		i = len(p.bodies)
		p.bodies = append(p.bodies, &body{format: l.Format, layout: l.Layout})
	}
	b := p.bodies[i]
	if b.count == 0 && b.layout != "" {
		b.lines.WriteString(b.layout + "\n") // the header line says which columns follow
	}
	b.lines.Write(l.Raw)
	b.lines.WriteByte('\n')
	b.count++
	p.records++
	if b.lines.Len() < maxBody {
		return nil
	}
	return p.flush(ctx)
}

func (p *player) flush(ctx context.Context) error {
	for _, b := range p.bodies {
		if b.count == 0 {
			continue
		}
		if err := p.post(ctx, b); err != nil {
			return err
		}
		b.lines.Reset()
		b.count = 0
	}
	return nil
}

// post sends one body until it is taken. The key makes a repeat the same records.
func (p *player) post(ctx context.Context, b *body) error {
	key := newSecret()
	for range tries {
		again, err := p.try(ctx, b, key)
		if err != nil {
			return fmt.Errorf("send %s: %w", b.format, err)
		}
		if again == 0 {
			return nil
		}
		select {
		case <-time.After(again):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return fmt.Errorf("send %s: ingest stayed overloaded", b.format)
}

// try posts once; again is how long to wait before the next try, 0 when the body was taken.
func (p *player) try(ctx context.Context, b *body, key string) (again time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/v1/logs/"+b.format, bytes.NewReader(b.lines.Bytes()))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+p.token)
	req.Header.Set("Idempotency-Key", key)
	resp, err := p.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	switch {
	case err != nil:
		return 0, err
	case resp.StatusCode == http.StatusOK:
		return 0, nil
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable:
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		return time.Duration(max(seconds, 1)) * time.Second, nil
	}
	return 0, fmt.Errorf("%s: %s", resp.Status, bytes.TrimSpace(text))
}
