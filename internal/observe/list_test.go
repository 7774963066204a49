package observe_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/pooled-go/pooled/internal/observe"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

func TestMain(m *testing.M) { pooledtest.Main(m) }

// told are the numbers of the functions in a list.
func told(l *observe.List[func() int]) (numbers []int) {
	for f := range l.All() {
		numbers = append(numbers, f())
	}
	return numbers
}

func TestList(t *testing.T) {
	var l observe.List[func() int]
	if !l.Empty() || told(&l) != nil {
		t.Error("a new list is not empty")
	}
	add := func(n int) (stop func()) { return l.Add(func() int { return n }) }
	stop1, stop2 := add(1), add(2)
	stop3 := add(3)
	if have, want := told(&l), []int{1, 2, 3}; !slices.Equal(have, want) {
		t.Errorf("have %v, want %v", have, want)
	}
	for f := range l.All() { // what is added or removed meanwhile changes nothing
		if f() == 1 {
			stop2()
			add(4)
		}
	}
	stop2()
	if have, want := told(&l), []int{1, 3, 4}; !slices.Equal(have, want) {
		t.Errorf("have %v, want %v", have, want)
	}
	for f := range l.All() {
		if f() != 1 {
			t.Error("it went on after the caller had enough")
		}
		break
	}
	stop1()
	stop3()
	if have, want := told(&l), []int{4}; !slices.Equal(have, want) || l.Empty() {
		t.Errorf("have %v, empty %t, want %v", have, l.Empty(), want)
	}
}

func TestListIsEmptyAgain(t *testing.T) {
	var l observe.List[func()]
	l.Add(func() {})()
	if !l.Empty() {
		t.Error("it is not empty after the only one has left")
	}
}

func TestListAtOnce(t *testing.T) {
	var l observe.List[func() int]
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for range 100 {
				l.Add(func() int { return -1 })()
				told(&l)
			}
			l.Add(func() int { return n })
		})
	}
	wg.Wait()
	have := told(&l)
	slices.Sort(have)
	if want := []int{0, 1, 2, 3, 4, 5, 6, 7}; !slices.Equal(have, want) {
		t.Errorf("have %v, want %v", have, want)
	}
}
