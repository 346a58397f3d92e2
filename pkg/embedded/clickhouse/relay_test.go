package clickhouse_test

import (
	"encoding/binary"
	"net"
	"testing"

	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse"
	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse/clickhousetest"
)

// TestClientsThatDie resets connections that the server waits on, as the kernel does for a process that is killed with
// something unread: the server must live on. Fails where Server.Addr is the server's own port.
func TestClientsThatDie(t *testing.T) {
	t.Parallel()
	clickhousetest.Need(t)
	s := start(t, clickhousetest.Options(t.TempDir()))
	for range 20 {
		conn, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(hello(s)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); err != nil { // the rest of the answer stays unread
			t.Fatal(err)
		}
		conn.Close()
	}
	query(t, s, "SELECT 1")
	select {
	case <-s.Done():
		t.Error("the server ended")
	default:
	}
}

// hello is the first packet of the native protocol.
func hello(s *clickhouse.Server) []byte {
	text := func(b []byte, v string) []byte { return append(binary.AppendUvarint(b, uint64(len(v))), v...) }
	b := text([]byte{0}, "test")
	for _, n := range []uint64{1, 1, 54058} { // version, and a revision of the protocol before it asked for more
		b = binary.AppendUvarint(b, n)
	}
	b = text(b, "")
	b = text(b, clickhouse.ServiceUser)
	return text(b, s.Password())
}
