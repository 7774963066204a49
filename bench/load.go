package bench

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Load is the outcome of one run of many requests.
type Load struct {
	Requests int
	Failed   int
	Example  error         // one of the errors
	Took     time.Duration // from the first request's start to the last one's end
	Latency  Latency       // of the requests that did not fail
}

// PerSecond is how many requests a second came to a good end.
func (l Load) PerSecond() float64 { return float64(l.Requests-l.Failed) / l.Took.Seconds() }

// recorder collects the outcome of requests from many goroutines, each in a
// place of its own.
type recorder struct {
	took  []time.Duration
	errs  []error
	began time.Time
}

func newRecorder(requests int) *recorder {
	return &recorder{took: make([]time.Duration, requests), errs: make([]error, requests), began: time.Now()}
}

func (r *recorder) done(i int, since time.Time, err error) {
	r.took[i], r.errs[i] = time.Since(since), err
}

func (r *recorder) load() Load {
	l := Load{Requests: len(r.took), Took: time.Since(r.began)}
	var good []time.Duration
	for i, err := range r.errs {
		if err != nil {
			l.Failed++
			l.Example = err
			continue
		}
		good = append(good, r.took[i])
	}
	l.Latency = NewLatency(good)
	return l
}

// OpenLoop sends requests at random moments (a Poisson process of so many a
// second), whether those before have been answered or not, as the users of a
// service do. The same seed gives the same moments. A request's time counts from the
// moment it was due.
func OpenLoop(
	ctx context.Context,
	db *sql.DB,
	query string,
	perSecond float64,
	length time.Duration,
	seed uint64,
) Load {
	due := arrivals(perSecond, length, seed)
	r := newRecorder(len(due))
	var all sync.WaitGroup
	for i, after := range due {
		at := r.began.Add(after)
		time.Sleep(time.Until(at))
		all.Go(func() {
			_, err := db.ExecContext(ctx, query)
			r.done(i, at, err)
		})
	}
	all.Wait()
	return r.load()
}

func arrivals(perSecond float64, length time.Duration, seed uint64) []time.Duration {
	random := rand.New(rand.NewPCG(seed, 0))
	var due []time.Duration
	for at := time.Duration(0); ; {
		at += time.Duration(random.ExpFloat64() / perSecond * float64(time.Second))
		if at >= length {
			return due
		}
		due = append(due, at)
	}
}

// Burst starts so many goroutines at once, each of which sends a query so many
// times, one after the other.
func Burst(ctx context.Context, db *sql.DB, query string, goroutines, times int) Load {
	r := newRecorder(goroutines * times)
	together(goroutines, func(g int) error {
		for i := range times {
			began := time.Now()
			_, err := db.ExecContext(ctx, query)
			r.done(g*times+i, began, err)
		}
		return nil
	})
	return r.load()
}

// Saturate keeps so many goroutines busy for a time, each sending the next
// request as soon as the last one is answered.
func Saturate(
	ctx context.Context,
	db *sql.DB,
	request func(context.Context, *sql.DB) error,
	goroutines int,
	length time.Duration,
) Load {
	return saturate(goroutines, length, func() error { return request(ctx, db) })
}

func saturate(goroutines int, length time.Duration, request func() error) Load {
	began := time.Now()
	perGoroutine := make([][]time.Duration, goroutines)
	errs := make([][]error, goroutines)
	together(goroutines, func(g int) error {
		for first := true; first || time.Since(began) < length; first = false { // there is a figure also of a late one
			since := time.Now()
			err := request()
			perGoroutine[g] = append(perGoroutine[g], time.Since(since))
			errs[g] = append(errs[g], err)
		}
		return nil
	})
	r := recorder{took: slices.Concat(perGoroutine...), errs: slices.Concat(errs...), began: began}
	return r.load()
}
