package pooled

import (
	"iter"
	"slices"
	"sync/atomic"
)

// observers are functions that want to be told something, for as long as they like. To find that there are none costs one load; the list is
// replaced, never changed.
type observers[F any] struct{ list atomic.Pointer[[]*F] }

// add makes f one of them, until stop is called.
func (o *observers[F]) add(f F) (stop func()) {
	entry := &f
	o.change(func(list []*F) []*F { return append(list, entry) })
	return func() {
		o.change(func(list []*F) []*F {
			return slices.DeleteFunc(list, func(other *F) bool { return other == entry })
		})
	}
}

// change replaces the list by what f makes of a copy of it.
func (o *observers[F]) change(f func([]*F) []*F) {
	for {
		old := o.list.Load()
		var list []*F
		if old != nil {
			list = slices.Clone(*old)
		}
		var next *[]*F // nil: none
		if list = f(list); len(list) > 0 {
			next = &list
		}
		if o.list.CompareAndSwap(old, next) {
			return
		}
	}
}

func (o *observers[F]) none() bool { return o.list.Load() == nil }

func (o *observers[F]) all() iter.Seq[F] {
	return func(yield func(F) bool) {
		list := o.list.Load()
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
