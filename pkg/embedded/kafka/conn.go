package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A member may die while it waits to be told that it has joined. Kafka begins its session all the same, and drops it when that
// ends. kfake begins a session only once the answer has been handed to the member's connection (group.reply in its groups.go):
// such a member would stay until the next rebalance, and the partitions it was given would be nobody's.
//
// So the end of a connection whose join has no answer is kept from kfake until there is one. The answer has the member's name,
// and the connection takes leave for the client that is gone. That is sooner than Kafka would drop it; a client that only lost
// its connection learns that it is unknown, and joins anew.

// And kfake trusts what it reads: a request that Kafka does not know ends the process, and one that says it is a gigabyte is
// given a gigabyte. Both end the connection here, as they do in Kafka.

// longestJoin is how long an answer is awaited. It comes when the rebalance is over, within the members' rebalance timeout,
// or never, when the client has asked again on another connection.
const longestJoin = 5 * time.Minute

// listen is net.Listen with connections that take leave.
func listen(network, address string) (net.Listener, error) {
	l, err := net.Listen(network, address)
	if err != nil {
		return nil, err
	}
	return listener{l}, nil
}

type listener struct{ net.Listener }

// acceptAgain is how long a listener pauses that cannot accept: this process has too many files open, say. kfake would close it.
const acceptAgain = 20 * time.Millisecond

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	for ; err != nil; c, err = l.Listener.Accept() {
		if errors.Is(err, net.ErrClosed) {
			return nil, err
		}
		<-time.After(acceptAgain)
	}
	return &conn{Conn: c, answer: make(chan []byte, 1), closed: make(chan struct{})}, nil
}

// conn is one client's connection as kfake sees it. kfake has one goroutine at a time in Read and one in Write, writes each
// answer at once, and answers a request before it takes the next.
type conn struct {
	net.Conn
	requests requests // what has been read; used by Read alone
	end      error    // what ended the client's part; used by Read alone
	leave    []byte   // the leave that is yet to be read; used by Read alone

	mu   sync.Mutex
	join *kmsg.JoinGroupRequest // has no answer yet; nil when there is none
	gone bool                   // the client has ended while join had no answer

	answer chan []byte // what join was answered after the client had gone
	once   sync.Once
	closed chan struct{}
}

// Read is what the client sends, and then its leave.
func (c *conn) Read(p []byte) (int, error) {
	if c.end == nil {
		n, err := c.Conn.Read(p)
		join, refused := c.requests.take(p[:n])
		if join != nil {
			c.mu.Lock()
			c.join = join
			c.mu.Unlock()
		}
		if c.end = errors.Join(err, refused); c.end == nil {
			return n, nil
		}
		c.leave = c.takeLeave()
	}
	if len(c.leave) == 0 {
		return 0, c.end
	}
	n := copy(p, c.leave)
	c.leave = c.leave[n:]
	return n, nil
}

// Write sends an answer. One that the client no longer waits for is kept for Read.
func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.join = nil
	keep := c.gone
	c.gone = false
	c.mu.Unlock()
	if keep {
		c.answer <- append([]byte(nil), p...)
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// Close ends the connection for both sides.
func (c *conn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// takeLeave returns the request with which the client, had it waited for its join's answer, would leave the group; nothing when
// it waited for none, or did not become a member.
func (c *conn) takeLeave() []byte {
	c.mu.Lock()
	join := c.join
	c.gone = join != nil
	c.mu.Unlock()
	if join == nil {
		return nil
	}
	late := time.NewTimer(longestJoin)
	defer late.Stop()
	select {
	case raw := <-c.answer:
		return leave(join, raw)
	case <-late.C:
	case <-c.closed:
	}
	return nil
}

// leave is the request to leave of the member that was answered.
func leave(join *kmsg.JoinGroupRequest, answer []byte) []byte {
	resp := join.ResponseKind().(*kmsg.JoinGroupResponse)
	r := kbin.Reader{Src: answer}
	r.Int32() // size
	r.Int32() // correlation
	if resp.IsFlexible() {
		kmsg.SkipTags(&r)
	}
	if resp.ReadFrom(r.Src) != nil || resp.ErrorCode != 0 {
		return nil
	}
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID = join.Group, resp.MemberID
	return kmsg.NewRequestFormatter().AppendRequest(nil, req, 0)
}

// requests follows what a client sends, in whatever pieces it comes, and finds the JoinGroup requests in it.
type requests struct {
	frame []byte // of the request that is being read: its size and key, and if it is a join all of it
	rest  int    // bytes of it yet to come, once frame has size and key
}

const (
	sizeBytes       = 4
	headBytes       = sizeBytes + 2 // and the key
	joinGroup       = 11            // the key of JoinGroup
	maxRequestBytes = 100 << 20     // Kafka's socket.request.max.bytes
)

// take returns the last join that ended in p, and an error when kfake must not see what p ends with.
func (r *requests) take(p []byte) (join *kmsg.JoinGroupRequest, err error) {
	for len(p) > 0 {
		if missing := headBytes - len(r.frame); missing > 0 {
			n := min(missing, len(p))
			r.frame, p = append(r.frame, p[:n]...), p[n:]
			if err := r.head(); err != nil {
				return join, err
			}
			continue
		}
		n := min(r.rest, len(p))
		if r.key() == joinGroup {
			r.frame = append(r.frame, p[:n]...)
		}
		if p, r.rest = p[n:], r.rest-n; r.rest == 0 {
			if r.key() == joinGroup {
				join = parseJoin(r.frame)
			}
			r.frame = r.frame[:0]
		}
	}
	return join, nil
}

// head reads as much of size and key as is there.
func (r *requests) head() error {
	if len(r.frame) < sizeBytes {
		return nil
	}
	size := binary.BigEndian.Uint32(r.frame)
	if size < headBytes-sizeBytes || size > maxRequestBytes {
		return fmt.Errorf("a Kafka request of %d bytes", size)
	}
	if len(r.frame) < headBytes {
		return nil
	}
	r.rest = int(size) - (headBytes - sizeBytes)
	if kmsg.RequestForKey(int16(r.key())) == nil { //nolint:gosec // the same bits
		return fmt.Errorf("a Kafka request of the unknown key %d", r.key())
	}
	return nil
}

// key is the request's, once frame has it.
func (r *requests) key() uint16 { return binary.BigEndian.Uint16(r.frame[sizeBytes:]) }

// parseJoin reads a request with its size; nil when it is not one, which kfake answers by closing the connection.
func parseJoin(frame []byte) *kmsg.JoinGroupRequest {
	r := kbin.Reader{Src: frame}
	r.Int32() // size
	r.Int16() // key
	join := kmsg.NewPtrJoinGroupRequest()
	join.SetVersion(r.Int16())
	r.Int32()          // correlation
	r.NullableString() // client
	if join.IsFlexible() {
		kmsg.SkipTags(&r)
	}
	if join.ReadFrom(r.Src) != nil {
		return nil
	}
	return join
}
