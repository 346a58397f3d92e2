package pipeline

import "sync"

// partitioned keeps one T for each partition, which belongs to that partition's one goroutine.
type partitioned[T any] struct {
	make func() *T

	mu  sync.Mutex
	all map[place]*T // guarded by mu
}

type place struct {
	topic     string
	partition int
}

func newPartitioned[T any](make func() *T) *partitioned[T] {
	return &partitioned[T]{make: make, all: map[place]*T{}}
}

// of returns what there is of the partition of a range.
func (p *partitioned[T]) of(r *Range) *T {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := place{r.Topic, r.Partition}
	if p.all[at] == nil {
		p.all[at] = p.make()
	}
	return p.all[at]
}
