package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"go.uber.org/zap"
)

// ServerOptions says what to serve and where.
type ServerOptions struct {
	Name    string // in the log: "api", "ingest", "metrics"
	Address string // host:port; port 0 takes any free one
	Handler http.Handler
	TLS     *tls.Config // nil serves plain HTTP
	// Read bounds how long one request may take to arrive, Write how long until its answer is sent; 0 means a minute.
	Read, Write time.Duration
	Log         *zap.Logger
}

// stopWithin is how long requests under way get to end when a server stops.
const stopWithin = 5 * time.Second

// Server is one HTTP server.
type Server struct {
	o        ServerOptions
	http     *http.Server
	listener net.Listener
}

// NewServer makes a Server; it does not listen yet.
func NewServer(o ServerOptions) *Server {
	if o.Read == 0 {
		o.Read = time.Minute
	}
	if o.Write == 0 {
		o.Write = time.Minute
	}
	return &Server{o: o, http: &http.Server{
		Handler: o.Handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: o.Read, WriteTimeout: o.Write,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10, ErrorLog: zap.NewStdLog(o.Log.Named("http")),
	}}
}

// Listen takes the address; requests wait until Run.
func (s *Server) Listen() error {
	l, err := net.Listen("tcp", s.o.Address)
	if err != nil {
		return fmt.Errorf("listen for %s: %w", s.o.Name, err)
	}
	if s.o.TLS != nil {
		c := s.o.TLS.Clone()
		c.NextProtos = []string{"h2", "http/1.1"}
		l = tls.NewListener(l, c)
	}
	s.listener = l
	return nil
}

// Addr returns host:port as taken; valid after Listen.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL returns the base URL; valid after Listen.
func (s *Server) URL() string {
	if s.o.TLS != nil {
		return "https://" + s.Addr()
	}
	return "http://" + s.Addr()
}

// Run serves until ctx ends, lets the requests under way end, and returns nil. It listens first if nobody did.
func (s *Server) Run(ctx context.Context) error {
	if s.listener == nil {
		if err := s.Listen(); err != nil {
			return err
		}
	}
	served := make(chan error, 1)
	go func() { served <- s.http.Serve(s.listener) }() // ends with Shutdown or Close below
	select {
	case err := <-served:
		return fmt.Errorf("serve %s: %w", s.o.Name, err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	if err := s.http.Shutdown(stop); err != nil {
		_ = s.http.Close()
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", s.o.Name, err)
	}
	return nil
}
