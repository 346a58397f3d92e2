package correlate

// links chain a group into its rule's list.
type links struct{ prev, next *group }

// lru lists groups by their last signal, the longest ago first. The zero value is empty.
type lru struct{ head, tail *group }

func (l *lru) first() *group { return l.head }

func (l *lru) push(k *group) {
	k.prev, k.next = l.tail, nil
	if l.tail != nil {
		l.tail.next = k
	} else {
		l.head = k
	}
	l.tail = k
}

func (l *lru) remove(k *group) {
	if k.prev != nil {
		k.prev.next = k.next
	} else {
		l.head = k.next
	}
	if k.next != nil {
		k.next.prev = k.prev
	} else {
		l.tail = k.prev
	}
	k.prev, k.next = nil, nil
}

// renew moves k to the end.
func (l *lru) renew(k *group) {
	if l.tail != k {
		l.remove(k)
		l.push(k)
	}
}
