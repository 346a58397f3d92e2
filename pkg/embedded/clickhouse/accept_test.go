package clickhouse

import (
	"io"
	"net"
	"syscall"
	"testing"
)

// scarce is a listener that cannot accept at first.
type scarce struct {
	net.Listener
	refusals int
}

func (s *scarce) Accept() (net.Conn, error) {
	if s.refusals--; s.refusals >= 0 {
		return nil, syscall.EMFILE
	}
	return s.Listener.Accept()
}

// A moment without file descriptors does not end the relay: it goes on, and ends when it is closed. Returning on every error of
// Accept makes this fail.
func TestRelayGoesOnWhenItCannotAccept(t *testing.T) {
	t.Parallel()
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() {
		if c, err := server.Accept(); err == nil {
			_, _ = c.Write([]byte("hello"))
			_ = c.Close()
		}
	}()
	r, err := newRelay(0)
	if err != nil {
		t.Fatal(err)
	}
	r.port = server.Addr().(*net.TCPAddr).Port
	r.listener = &scarce{Listener: r.listener, refusals: 2}
	ended := make(chan struct{})
	go func() { r.run(); close(ended) }()
	client, err := net.Dial("tcp", r.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	go func() { // a relay that has ended never answers
		<-ended
		_ = client.Close()
	}()
	if got, err := io.ReadAll(client); string(got) != "hello" {
		t.Errorf("read %q (%v) through the relay", got, err)
	}
	r.close()
	<-ended
}
