package kafka

import (
	"errors"
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

// A moment without file descriptors is kept from kfake, which would close the port for good; that the port is closed is not.
// Returning on every error of Accept makes this fail.
func TestListenerGoesOnWhenItCannotAccept(t *testing.T) {
	t.Parallel()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	client, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	l := listener{&scarce{Listener: inner, refusals: 2}}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	l.Close()
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept on a closed port: %v", err)
	}
}
