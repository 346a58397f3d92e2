package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/hashicorp/go-retryablehttp"
	"github.com/klauspost/compress/gzip"
	"github.com/spf13/cobra"

	"github.com/shrike-sec/shrike/pkg/app"
	"github.com/shrike-sec/shrike/pkg/builtin"
	"github.com/shrike-sec/shrike/pkg/config"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/scan"
)

// sendSize is the size in bytes from which on the collected records are sent: far below what ingest takes at once.
const sendSize = 4 << 20

type sendFlags struct {
	to, tokenFile, format, layout string
	retries                       int
}

func (s *shell) sendCommand() *cobra.Command {
	var f sendFlags
	c := &cobra.Command{
		Use: "send FILE...", Short: "Send log files to a running Shrike by HTTP", Args: cobra.MinimumNArgs(1),
		Long: `Send log files and folders to the HTTP ingest of a running Shrike, gzip compressed, in requests of a few MB. Each request
is repeated until it is taken: what is reported as sent is durable in Kafka.

Exit status: 0 all sent, 1 the server refused or could not be reached, 2 usage, 3 input that could not be read or sent.`,
		Example: `  shrike send access.log                     to the Shrike that runs on ./data
  shrike send trail/ --to https://ingest.example.com:8081 --token-file token
  zcat flow.gz | shrike send - --format vpcflow`,
		RunE: func(cmd *cobra.Command, args []string) error { return s.send(cmd.Context(), args, f) },
	}
	c.Flags().StringVar(&f.to, "to", "", "base URL of the ingest (none: the configured ingest_address, or of what runs on the data folder)")
	c.Flags().StringVar(&f.tokenFile, "token-file", "", "file that holds the token (none: the configured ingest_token_file)")
	c.Flags().StringVar(&f.format, "format", "", "format of all files (none: recognised by content)")
	c.Flags().StringVar(&f.layout, "layout", "", "names of the columns in their order, divided by blanks, for formats that have a layout")
	c.Flags().IntVar(&f.retries, "retries", 8, "how often to repeat a request that did not get through")
	return c
}

func (s *shell) send(ctx context.Context, paths []string, f sendFlags) error {
	formats := builtin.Formats()
	var err error
	if f.layout, err = s.checkFormat(formats, f.format, f.layout); err != nil {
		return err
	}
	up, err := s.uploader(f)
	if err != nil {
		return err
	}
	up.ctx = ctx
	inputs, unreadable := scan.Inputs(paths, s.in)
	dead := func(d record.DeadLetter) error {
		up.lost++
		printDeadLetter(s.err, &d)
		return nil
	}
	for _, in := range inputs {
		_, err := in.Split(ctx, formats, format.SplitOptions{Format: f.format, Layout: f.layout}, nil, up.add, dead)
		if bad, ok := errors.AsType[*scan.Unreadable](err); ok {
			unreadable = errors.Join(unreadable, bad)
		} else if err != nil {
			return err
		}
	}
	if err := up.flush(); err != nil {
		return err
	}
	fmt.Fprintf(s.err, "sent %s, %s, in %s to %s\n",
		counted(up.records, "record"), humanize.Bytes(uint64(up.bytes)), counted(up.requests, "request"), up.base)
	switch {
	case unreadable != nil:
		return &exit{exitInput, unreadable}
	case up.lost > 0:
		return &exit{exitInput, fmt.Errorf("%s could not be sent", counted(up.lost, "record"))}
	}
	return nil
}

// uploader collects records of one format and layout and posts them.
type uploader struct {
	ctx    context.Context //nolint:containedctx // of the one command that it serves
	client *retryablehttp.Client
	base   string
	token  string

	format, layout string        // of what is collected
	origin         record.Origin // of its first record
	body           bytes.Buffer
	pending        int64 // records in body

	records, bytes, lost int64
	requests             int
}

func (s *shell) uploader(f sendFlags) (*uploader, error) {
	cfg, err := s.config()
	if err != nil {
		return nil, err
	}
	base, err := ingestURL(cfg, f.to)
	if err != nil {
		return nil, err
	}
	file := f.tokenFile
	if file == "" {
		file = cfg.Listen.IngestTokenFile
	}
	token, err := config.ReadSecret("", file)
	if err != nil {
		return nil, &exit{exitUsage, err}
	}
	first, _, _ := strings.Cut(token.Reveal(), "\n") // the server's file may list several
	c := retryablehttp.NewClient()
	c.Logger, c.RetryMax, c.RetryWaitMin, c.RetryWaitMax = nil, f.retries, 200*time.Millisecond, 30*time.Second
	return &uploader{client: c, base: base, token: strings.TrimSpace(first)}, nil
}

func ingestURL(cfg *config.Config, to string) (string, error) {
	if to == "" {
		if e, err := app.ReadEndpoints(cfg.DataDir); err == nil {
			to = e.IngestURL
		} else {
			to = localURL(cfg, cfg.Listen.IngestAddress)
		}
	}
	u, err := url.Parse(to)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", usage("--to is %q, not an http or https address", to)
	}
	return strings.TrimSuffix(to, "/"), nil
}

func (u *uploader) add(r record.Record) error {
	if r.Format != u.format || r.Layout != u.layout || r.Origin.Object != u.origin.Object {
		if err := u.flush(); err != nil {
			return err
		}
	}
	if u.pending == 0 {
		u.format, u.layout, u.origin = r.Format, r.Layout, r.Origin
	}
	u.body.Write(r.Raw)
	u.body.WriteByte('\n')
	u.pending++
	if u.body.Len() >= sendSize {
		return u.flush()
	}
	return nil
}

func (u *uploader) flush() error {
	if u.pending == 0 {
		return nil
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(u.body.Bytes()); err != nil {
		return fmt.Errorf("compress records: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("compress records: %w", err)
	}
	if err := u.post(packed.Bytes()); err != nil {
		return err
	}
	u.requests++
	u.records += u.pending
	u.bytes += int64(u.body.Len())
	u.pending = 0
	u.body.Reset()
	return nil
}

func (u *uploader) post(body []byte) error {
	name := u.format
	if name == "" {
		name = "auto" // the server makes a dead letter of what it does not recognise either
	}
	target := u.base + "/v1/logs/" + name
	if u.layout != "" {
		target += "?layout=" + url.QueryEscape(u.layout)
	}
	req, err := retryablehttp.NewRequestWithContext(u.ctx, http.MethodPost, target, body)
	if err != nil {
		return fmt.Errorf("send records: %w", err)
	}
	req.Header.Set("Idempotency-Key", u.key())
	req.Header.Set("Content-Encoding", "gzip")
	req.Header.Set("Content-Type", "application/octet-stream")
	if u.token != "" {
		req.Header.Set("Authorization", "Bearer "+u.token)
	}
	resp, err := u.client.Do(req)
	if err != nil {
		return fmt.Errorf("send records: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("send records: %s says %s: %s", u.base, resp.Status, printable(strings.TrimSpace(string(text))))
	}
	var taken struct {
		Records     int64 `json:"records"`
		DeadLetters int64 `json:"dead_letters"`
	}
	if err := json.Unmarshal(text, &taken); err != nil {
		return fmt.Errorf("send records: %s does not answer as an ingest does: %w", u.base, err)
	}
	if got := taken.Records + taken.DeadLetters; got != u.pending {
		return fmt.Errorf("send records: %s took %d of %d records", u.base, got, u.pending)
	}
	return nil
}

// key names the request by what is in it and where that lies, so that a repetition, even by another run of the
// command, makes events of the same identity.
func (u *uploader) key() string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%d\x00%s\x00", u.origin.Object, u.origin.Offset, u.layout)
	h.Write(u.body.Bytes())
	return hex.EncodeToString(h.Sum(nil)[:16])
}
