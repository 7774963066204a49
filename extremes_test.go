package pooled_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// extremes are values of options that somebody may write.
var extremes = []int64{-1, 0, 1, 2, math.MaxInt64 - 1, math.MaxInt64}

// Each option that is a number or a duration, alone and with those that it is calculated with, at its extremes: the
// pool serves its callers, and what is as good as no limit limits nothing.
func TestOptionsAtTheirExtremes(t *testing.T) {
	var sets []map[string]int64
	for i := range reflect.TypeFor[pooled.Config]().NumField() {
		f := reflect.TypeFor[pooled.Config]().Field(i)
		if k := f.Type.Kind(); k == reflect.Int || k == reflect.Int64 {
			for _, v := range append(extremes, 1<<16) { // where some end
				sets = append(sets, map[string]int64{f.Name: v})
			}
		}
	}
	for _, pair := range [][2]string{
		{"Size", "MaxOverflow"}, {"Size", "MinIdle"}, {"MaxOverflow", "MinIdle"}, {"Size", "IdleTimeout"},
		{"Recycle", "RecycleJitter"},
		{"Recycle", "JitterPercent"}, {"Recycle", "IdleTimeout"}, {"PrePing", "PingTimeout"},
		{"ConnectLimit", "MinIdle"},
	} {
		for _, a := range extremes {
			for _, b := range extremes {
				sets = append(sets, map[string]int64{pair[0]: a, pair[1]: b})
			}
		}
	}
	for _, c := range []pooled.Class{pooled.ClassQueue, pooled.ClassNull, pooled.ClassStatic, pooled.ClassDirect} {
		for _, set := range sets {
			if len(set) > 1 && c != pooled.ClassQueue {
				continue
			}
			t.Run(fmt.Sprint(c, " ", set), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { driveExtremes(t, c, set) })
			})
		}
	}
}

// configure returns false if the values are refused.
func configure(c *pooled.Config, set map[string]int64) bool {
	for name, v := range set {
		switch name {
		case "RecycleJitter":
			c.RecycleJitter = pooled.Jitter{Duration: time.Duration(v)}
		case "JitterPercent":
			c.RecycleJitter = pooled.Jitter{Percent: min(float64(v), 100)}
		default:
			reflect.ValueOf(c).Elem().FieldByName(name).SetInt(v)
		}
	}
	return refusal(*c) == nil
}

func driveExtremes(t *testing.T, c pooled.Class, set map[string]int64) {
	cfg := pooled.NewConfig()
	cfg.Class, cfg.Logger = c, slog.New(slog.DiscardHandler)
	cfg.ResetOnReturn = pooled.ResetSession // so that there is one
	cfg.Driver = "postgres"
	if !configure(&cfg, set) {
		return
	}
	fake := pooledtest.NewFake(t, func(f *pooledtest.Fake) {
		f.MaxConns, f.TooManyConns = 12, tooManyConns{} // a large pool_min_idle is not to go on for ever
	})
	connector, err := pooled.NewConnector(fake, cfg)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	for range 3 {
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				_, err := db.ExecContext(context.Background(), "SLEEP 10ms")
				if err != nil && !(errors.Is(err, pooled.ErrTimeout) && cfg.Timeout >= 0 && cfg.Timeout < time.Second) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		time.Sleep(300 * time.Millisecond)
	}
	s := connector.Pool().Stats()
	if s.Opened == 0 {
		t.Errorf("have %+v, want some opened", s)
	}
	if s.Recycled+s.Leaks > 0 && unlimitedAll(set) {
		t.Errorf("have %+v, want that nothing is too old, and nothing leaked", s)
	}
	if s.Closed > 0 && c == pooled.ClassQueue && unlimitedAll(set) && cfg.MinIdle == 0 {
		t.Errorf("have %+v, want that nothing is closed", s)
	}
}

// unlimitedAll tells whether all values are as good as none.
func unlimitedAll(set map[string]int64) bool {
	for name, v := range set {
		if v > 0 && v < math.MaxInt64-1 && name != "Size" && name != "JitterPercent" || name == "IdleTimeout" && v == 0 {
			return false
		}
	}
	return true
}

// tooManyConns is PostgreSQL's refusal.
type tooManyConns struct{}

func (tooManyConns) Error() string    { return "too many clients already" }
func (tooManyConns) SQLState() string { return "53300" }
