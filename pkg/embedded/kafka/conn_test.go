package kafka_test

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/shrike-sec/shrike/pkg/embedded/kafka/kafkatest"
)

// TestMemberThatDiesWhileItJoins has members die while they wait for their JoinGroup's answer: soon the one that lives must be
// alone in the group. Fails without the line of conn.Read that asks for the leave.
func TestMemberThatDiesWhileItJoins(t *testing.T) {
	t.Parallel()
	b := kafkatest.Start(t)
	c := client(t, b.Addr())
	first := join(t, c, "")
	settle(t, c, first)

	for range 3 {
		waitToJoin(t, c, b.Addr())
	}
	// The broker is to learn of their end before the rebalance is over.
	for range 50 {
		request(t, c, kmsg.NewPtrMetadataRequest())
	}
	again := join(t, c, first.MemberID)
	if len(again.Members) != 4 {
		t.Fatalf("members of the rebalance that the dead wait for: got %d, want 4", len(again.Members))
	}
	deadline := time.After(20 * time.Second)
	for len(again.Members) != 1 {
		settle(t, c, again)
		for !rebalancing(t, c, again) {
			select {
			case <-deadline:
				t.Fatalf("the group still has %d members, though all but one are gone", len(again.Members))
			case <-time.After(20 * time.Millisecond):
			}
		}
		again = join(t, c, first.MemberID)
	}
}

const leaveGroup = "detect"

func joinRequest(member string) *kmsg.JoinGroupRequest {
	r := kmsg.NewPtrJoinGroupRequest()
	r.Version = 2 // the newest in which a member needs no name to wait
	r.Group, r.MemberID, r.ProtocolType = leaveGroup, member, "consumer"
	r.SessionTimeoutMillis, r.RebalanceTimeoutMillis = 6000, 15000
	p := kmsg.NewJoinGroupRequestProtocol()
	p.Name, p.Metadata = "range", make([]byte, 8)
	r.Protocols = append(r.Protocols, p)
	return r
}

// join returns when the rebalance is over. The first member leads.
func join(t *testing.T, c *kgo.Client, member string) *kmsg.JoinGroupResponse {
	t.Helper()
	r := joinRequest(member)
	resp := request(t, c, r).(*kmsg.JoinGroupResponse)
	if resp.ErrorCode == memberIDRequired {
		return join(t, c, resp.MemberID)
	}
	if resp.ErrorCode != 0 {
		t.Fatalf("join: error code %d", resp.ErrorCode)
	}
	return resp
}

// settle ends the rebalance for the leader.
func settle(t *testing.T, c *kgo.Client, joined *kmsg.JoinGroupResponse) {
	t.Helper()
	r := kmsg.NewPtrSyncGroupRequest()
	r.Group, r.Generation, r.MemberID = leaveGroup, joined.Generation, joined.MemberID
	if code := request(t, c, r).(*kmsg.SyncGroupResponse).ErrorCode; code != 0 && code != rebalanceInProgress {
		t.Fatalf("sync: error code %d", code)
	}
}

// Error codes of the protocol.
const (
	rebalanceInProgress = 27
	memberIDRequired    = 79
)

// rebalancing is a heartbeat; it reports whether the member is to join again.
func rebalancing(t *testing.T, c *kgo.Client, joined *kmsg.JoinGroupResponse) bool {
	t.Helper()
	r := kmsg.NewPtrHeartbeatRequest()
	r.Group, r.Generation, r.MemberID = leaveGroup, joined.Generation, joined.MemberID
	code := request(t, c, r).(*kmsg.HeartbeatResponse).ErrorCode
	if code != 0 && code != rebalanceInProgress {
		t.Fatalf("heartbeat: error code %d", code)
	}
	return code != 0
}

// waitToJoin is a client that dies when it is a member that waits. Its request comes in pieces.
func waitToJoin(t *testing.T, c *kgo.Client, addr string) {
	t.Helper()
	before := members(t, c)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	raw := kmsg.NewRequestFormatter().AppendRequest(nil, joinRequest(""), 7)
	for i := range raw {
		if _, err := conn.Write(raw[i : i+1]); err != nil {
			t.Fatal(err)
		}
	}
	deadline := time.After(10 * time.Second)
	for members(t, c) == before {
		select {
		case <-deadline:
			t.Fatal("a member that waits to join is not one of the group's")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func members(t *testing.T, c *kgo.Client) int {
	t.Helper()
	r := kmsg.NewPtrDescribeGroupsRequest()
	r.Groups = []string{leaveGroup}
	return len(request(t, c, r).(*kmsg.DescribeGroupsResponse).Groups[0].Members)
}

// TestNotKafka sends what is not the protocol; the broker must close that connection and serve the others. Fails without the
// lines of requests.head that refuse a size or a key.
func TestNotKafka(t *testing.T) {
	t.Parallel()
	b := kafkatest.Start(t)
	for name, text := range map[string]string{
		"a browser":     "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
		"a key of none": "\x00\x00\x00\x0a\x7f\xff\x00\x00\x00\x00\x00\x01\xff\xff",
		"nothing":       "\x00\x00\x00\x00",
		"below nothing": "\xff\xff\xff\xff",
	} {
		conn, err := net.Dial("tcp", b.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		if n, err := conn.Read(make([]byte, 1)); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: got %d bytes and %v, want the connection closed", name, n, err)
		}
	}
	request(t, client(t, b.Addr()), kmsg.NewPtrMetadataRequest())
}
