package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/shrike-sec/shrike/pkg/app"
	"github.com/shrike-sec/shrike/pkg/web"
)

// client asks the API.
type client struct {
	url, token string
	http       *http.Client
}

func newClient(at *app.Endpoints) (*client, error) {
	token, err := os.ReadFile(at.TokenFile)
	if err != nil {
		return nil, fmt.Errorf("read the API's token: %w", err)
	}
	return &client{url: at.APIURL, token: strings.TrimSpace(string(token)), http: &http.Client{Timeout: time.Minute}}, nil
}

// do asks and decodes the answer; body is sent as JSON, nil sends none.
func (c *client) do(ctx context.Context, method, path string, body, answer any) error {
	var in io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encode the question: %w", err)
		}
		in = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, in)
	if err != nil {
		return fmt.Errorf("ask the API: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("ask the API: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("read the API's answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("ask the API for %s: %s: %s", path, resp.Status, bytes.TrimSpace(data))
	}
	if err := json.Unmarshal(data, answer); err != nil {
		return fmt.Errorf("read the API's answer: %w", err)
	}
	return nil
}

const (
	settleWithin = 2 * time.Minute
	settleEvery  = 200 * time.Millisecond
)

// settled waits until every stage and receiver has done all there is, seen twice in a row: a stage that is asked early
// may get more from one that is asked late.
func (c *client) settled(ctx context.Context) error {
	limit, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	tick := time.NewTicker(settleEvery)
	defer tick.Stop()
	behind, quiet := "nothing is known of the stages", 0
	for quiet < 2 {
		select {
		case <-limit.Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("not done after %s: %s", settleWithin, behind)
		case <-tick.C:
		}
		var s web.Status
		if err := c.do(limit, http.MethodGet, "/api/v1/status", nil, &s); err != nil {
			behind, quiet = err.Error(), 0
			continue
		}
		if behind = lagging(&s); behind == "" {
			quiet++
		} else {
			quiet = 0
		}
	}
	return nil
}

// lagging names a stage or receiver that is not done, "" when all are.
func lagging(s *web.Status) string {
	for _, x := range s.Stages {
		if x.Lag > 0 {
			return fmt.Sprintf("stage %s is %d messages of %s behind", x.Stage, x.Lag, x.Topic)
		}
	}
	for _, x := range s.Receivers {
		if x.Lag > 0 {
			return fmt.Sprintf("receiver %s is %d alerts behind", x.Name, x.Lag)
		}
	}
	return ""
}
