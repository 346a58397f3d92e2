package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// What notifiers that post over HTTP share.

// NewClient makes the HTTP client of a receiver: bounded waits, few idle connections, no redirect to another host.
// The attempt's context bounds it as a whole.
func NewClient(c *tls.Config) *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = c
	t.MaxIdleConnsPerHost = 2
	t.IdleConnTimeout = 30 * time.Second
	t.TLSHandshakeTimeout = 5 * time.Second
	return &http.Client{Transport: t, CheckRedirect: checkRedirect}
}

var (
	errOtherHost = errors.New("redirect to another host")
	errNoPost    = errors.New("redirect that would drop the body")
	errLoop      = errors.New("more than three redirects")
)

// checkRedirect follows 307 and 308 within the host. The others turn a POST into a GET, whose 200 would say that an
// alert was taken that never came.
func checkRedirect(next *http.Request, via []*http.Request) error {
	switch {
	case next.URL.Host != via[0].URL.Host || next.URL.Scheme != via[0].URL.Scheme:
		return errOtherHost
	case next.Method != via[0].Method:
		return errNoPost
	case len(via) > 3:
		return errLoop
	}
	return nil
}

// Post posts once and sorts the answer as StatusError does. Errors never hold the URL, which may be a secret.
func Post(ctx context.Context, c *http.Client, to string, header http.Header, body []byte, now func() time.Time) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return &Permanent{Err: errors.New("make request")}
	}
	req.Header = header
	req.Header.Set("User-Agent", "shrike")
	res, err := c.Do(req)
	if err != nil {
		err = fmt.Errorf("post alert: %w", withoutURL(err))
		if errors.Is(err, errOtherHost) || errors.Is(err, errNoPost) || errors.Is(err, errLoop) {
			return &Permanent{Err: err}
		}
		return err
	}
	defer res.Body.Close()
	const most = 512
	answer, err := io.ReadAll(io.LimitReader(res.Body, most))
	if err != nil && res.StatusCode < 300 {
		return fmt.Errorf("read answer: %w", err)
	}
	return StatusError(res.StatusCode, res.Header, strings.TrimSpace(string(answer)), now())
}

// withoutURL takes the URL off an error of http.Client.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// StatusError sorts an HTTP answer: nil for 2xx, *Permanent for 4xx but 408 and 429 and for redirects, *Later where
// Retry-After says so. detail is what the receiver said, for the log. now is the time that a date in Retry-After is
// compared with.
func StatusError(status int, header http.Header, detail string, now time.Time) error {
	if status >= 200 && status < 300 {
		return nil
	}
	err := fmt.Errorf("receiver answered %d %s", status, http.StatusText(status))
	if detail != "" {
		err = fmt.Errorf("%w: %q", err, detail)
	}
	if status < 500 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests {
		return &Permanent{Err: err}
	}
	if after, ok := retryAfter(header.Get("Retry-After"), now); ok {
		return &Later{Err: err, After: after}
	}
	return err
}

func retryAfter(s string, now time.Time) (time.Duration, bool) {
	if n, err := strconv.Atoi(s); err == nil && n >= 0 {
		return time.Duration(min(n, 24*3600)) * time.Second, true
	}
	if at, err := http.ParseTime(s); err == nil {
		return max(at.Sub(now), 0), true
	}
	return 0, false
}
