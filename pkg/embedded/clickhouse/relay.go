package clickhouse

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// relay passes the connections to one of the server's ports on and keeps resets from it. The engine's process ends when a
// connection that it waits on is reset, because `clickhouse local` sets no handler for that; and a client that dies, or gives a
// query up before it has read the answer, resets its connection. The server sees such a connection closed.
//
// Between two TCP sockets the kernel copies (splice), so that a byte costs next to nothing here.
type relay struct {
	listener net.Listener
	port     int // the server's
}

// newRelay listens on the port, 0 takes a free one, for a server that will listen on another free one.
func newRelay(port int) (*relay, error) {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("listen for ClickHouse's clients: %w", err)
	}
	free, err := freePort()
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("find a free port for ClickHouse: %w", err)
	}
	return &relay{listener: l, port: free}, nil
}

// addr is where clients connect.
func (r *relay) addr() string { return r.listener.Addr().String() }

// server is where the server listens.
func (r *relay) server() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(r.port)) }

// acceptAgain is how long the relay pauses when it cannot accept: this process has too many files open, say.
const acceptAgain = 20 * time.Millisecond

// run accepts until the relay is closed. The connections end with their clients, or with the server.
func (r *relay) run() {
	for {
		client, err := r.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			<-time.After(acceptAgain)
			continue
		}
		go pass(client, r.server())
	}
}

// close refuses connections from now on. It may be called more than once.
func (r *relay) close() { r.listener.Close() }

// pass copies both ways until the server closes. It never closes the server's connection with something unread, which would
// reset it.
func pass(client net.Conn, address string) {
	defer client.Close()
	server, err := net.Dial("tcp", address)
	if err != nil {
		return // the client reads an end, and tries again
	}
	defer server.Close()
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		_, _ = io.Copy(server, client)
		_ = server.(*net.TCPConn).CloseWrite() // the client's end or reset: the server ends its query, or the connection
	}()
	_, _ = io.Copy(client, server)
	client.Close()
	_, _ = io.Copy(io.Discard, server)
	<-asked
}
