package observe

import (
	"iter"
	"slices"
	"sync/atomic"
)

// List is functions that want to be told something, for as long as they like. To find
// that there are none costs one load. The list is replaced, never changed, and takes no
// lock: in a forked child one could be held for ever.
type List[F any] struct{ list atomic.Pointer[[]*F] }

// Add makes f one of them, until stop is called.
func (l *List[F]) Add(f F) (stop func()) {
	entry := &f
	l.change(func(list []*F) []*F { return append(list, entry) })
	return func() {
		l.change(func(list []*F) []*F {
			return slices.DeleteFunc(list, func(other *F) bool { return other == entry })
		})
	}
}

// change replaces the list by what f makes of a copy of it.
func (l *List[F]) change(f func([]*F) []*F) {
	for {
		old := l.list.Load()
		var list []*F
		if old != nil {
			list = slices.Clone(*old)
		}
		var next *[]*F // nil: none
		if list = f(list); len(list) > 0 {
			next = &list
		}
		if l.list.CompareAndSwap(old, next) {
			return
		}
	}
}

// Empty reports whether there are none.
func (l *List[F]) Empty() bool { return l.list.Load() == nil }

// All are those that are in the list now, in the order in which they were added.
func (l *List[F]) All() iter.Seq[F] {
	return func(yield func(F) bool) {
		list := l.list.Load()
		if list == nil {
			return
		}
		for _, f := range *list {
			if !yield(*f) {
				return
			}
		}
	}
}
