package bus

import (
	"cmp"
	"encoding/json"
	"slices"
	"sync"

	"github.com/segmentio/kafka-go"
)

// stickyBalancer shares out partitions evenly over all topics and leaves each member what it had, as far as
// that is even: state and caches stay where they are when a member comes or goes. Members tell the leader what
// they have when they join. kafka-go's own balancers forget, and share out topic by topic, which gives topics
// of one partition all to one member.
type stickyBalancer struct {
	mu    sync.Mutex // kafka-go's goroutine asks, RunGroup's tells
	owned map[string][]int
}

// ProtocolName implements kafka.GroupBalancer.
func (b *stickyBalancer) ProtocolName() string { return "shrike-sticky" }

// own remembers what this member has been assigned.
func (b *stickyBalancer) own(assignments map[string][]kafka.PartitionAssignment) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.owned = map[string][]int{}
	for topic, ps := range assignments {
		for _, p := range ps {
			b.owned[topic] = append(b.owned[topic], p.ID)
		}
	}
}

// UserData implements kafka.GroupBalancer.
func (b *stickyBalancer) UserData() ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return json.Marshal(b.owned)
}

// AssignGroups implements kafka.GroupBalancer.
func (b *stickyBalancer) AssignGroups(members []kafka.GroupMember, partitions []kafka.Partition) kafka.GroupMemberAssignments {
	out := kafka.GroupMemberAssignments{}
	if len(members) == 0 {
		return out
	}
	members = slices.SortedFunc(slices.Values(members), func(a, b kafka.GroupMember) int { return cmp.Compare(a.ID, b.ID) })
	free := map[place]bool{}
	var order []place
	for _, p := range partitions {
		at := place{p.Topic, p.ID}
		if !free[at] {
			free[at] = true
			order = append(order, at)
		}
	}
	slices.SortFunc(order, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.partition, b.partition))
	})
	count := map[string]int{}
	give := func(member string, at place) {
		if out[member] == nil {
			out[member] = map[string][]int{}
		}
		out[member][at.topic] = append(out[member][at.topic], at.partition)
		count[member]++
		delete(free, at)
	}
	keep(members, free, len(order), give)
	for _, at := range order {
		if !free[at] {
			continue
		}
		best := -1
		for i, m := range members {
			if slices.Contains(m.Topics, at.topic) && (best < 0 || count[m.ID] < count[members[best].ID]) {
				best = i
			}
		}
		if best >= 0 {
			give(members[best].ID, at)
		}
	}
	return out
}

// keep leaves each member what it has, up to its even share. Some shares are larger by one; they go to those
// who have that much, first come, first served.
func keep(members []kafka.GroupMember, free map[place]bool, total int, give func(string, place)) {
	share, larger := total/len(members), total%len(members)
	for _, m := range members {
		var owned map[string][]int
		if json.Unmarshal(m.UserData, &owned) != nil {
			continue // a member without memory
		}
		var had []place
		for topic, ps := range owned {
			for _, p := range ps {
				if at := (place{topic, p}); free[at] && slices.Contains(m.Topics, topic) {
					had = append(had, at)
				}
			}
		}
		slices.SortFunc(had, func(a, b place) int {
			return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.partition, b.partition))
		})
		mine := share
		if len(had) > share && larger > 0 {
			mine++
			larger--
		}
		for _, at := range had[:min(mine, len(had))] {
			give(m.ID, at)
		}
	}
}
