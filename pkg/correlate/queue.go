package correlate

// queue is a heap.Interface whose items know their place in it, so that any of them can be moved or taken out.
type queue[T queued[T]] []T

type queued[T any] interface {
	before(other T) bool
	place() *int // index in the queue, kept up to date; -1 once the item was taken out
}

func (q queue[T]) Len() int           { return len(q) }
func (q queue[T]) Less(i, j int) bool { return q[i].before(q[j]) }

func (q queue[T]) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	*q[i].place(), *q[j].place() = i, j
}

// Push is for package heap, which passes what heap.Push was given.
func (q *queue[T]) Push(x any) {
	item, _ := x.(T)
	*item.place() = len(*q)
	*q = append(*q, item)
}

// Pop is for package heap.
func (q *queue[T]) Pop() any {
	var none T
	last := len(*q) - 1
	item := (*q)[last]
	(*q)[last] = none
	*q = (*q)[:last]
	*item.place() = -1
	return item
}
