package web

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"go.uber.org/zap"
)

func TestServerStopsCleanly(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	s := NewServer(ServerOptions{Name: "test", Address: "127.0.0.1:0", Log: zap.NewNop(), Handler: http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) {
			close(entered)
			<-release
			fmt.Fprint(w, "done")
		})})
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stopped, answer := make(chan error, 1), make(chan string, 1)
	go func() { stopped <- s.Run(ctx) }()
	go func() {
		resp, err := http.Get(s.URL())
		if err != nil {
			answer <- err.Error()
			return
		}
		defer func() { _ = resp.Body.Close() }()
		body, _ := io.ReadAll(resp.Body)
		answer <- string(body)
	}()
	<-entered
	cancel()
	close(release)
	if got := <-answer; got != "done" {
		t.Errorf("the request under way got %q", got)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Run: %v", err)
	}
	if err := NewServer(ServerOptions{Name: "test", Address: "256.0.0.1:0", Log: zap.NewNop()}).Run(t.Context()); err == nil {
		t.Error("an impossible address was taken")
	}
}

func TestServerWithTLS(t *testing.T) {
	t.Parallel()
	lender := httptest.NewTLSServer(nil) // lends its certificate and a client that trusts it
	t.Cleanup(lender.Close)
	s := NewServer(ServerOptions{Name: "test", Address: "127.0.0.1:0", TLS: lender.TLS, Log: zap.NewNop(), Handler: secure(http.NotFoundHandler())})
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- s.Run(ctx) }()
	resp, err := lender.Client().Get(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.Header.Get("Strict-Transport-Security") == "" {
		t.Error("no Strict-Transport-Security over TLS")
	}
	cancel()
	if err := <-stopped; err != nil {
		t.Errorf("Run: %v", err)
	}
}
