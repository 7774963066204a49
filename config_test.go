package pooled_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/dsn"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// refusal is why the options of a Config are refused, or nil.
func refusal(c pooled.Config) error {
	c.Driver = "nosuchdriver" // which is looked for when all else is well
	_, err := pooled.Open(c)
	if strings.Contains(err.Error(), "driver nosuchdriver is not registered") {
		return nil
	}
	return err
}

func TestNewConfigIsValid(t *testing.T) {
	if err := refusal(pooled.NewConfig()); err != nil {
		t.Errorf("NewConfig: have %v, want no error", err)
	}
}

func TestValidateZeroConfig(t *testing.T) {
	const want = "pooled: Class is empty: make the Config with pooled.NewConfig"
	if err := refusal(pooled.Config{}); err == nil || err.Error() != want {
		t.Errorf("zero Config: have %v, want %s", err, want)
	}
}

func TestConfigRanges(t *testing.T) {
	for _, test := range []struct {
		name string
		set  func(*pooled.Config)
		want string // part of the error; empty: accepted
	}{
		{"class", func(c *pooled.Config) { c.Class = "quue" }, "pool_class=quue"},
		{"size 0", func(c *pooled.Config) { c.Size = 0 },
			"for no limit write pool_max_overflow=-1, to keep none pool_class=null"},
		{"size -2", func(c *pooled.Config) { c.Size = -2 }, "pool_size=-2"},
		{"size -1", func(c *pooled.Config) { c.Size = -1 }, ""},
		{"size -1 and overflow", func(c *pooled.Config) { c.Size, c.MaxOverflow = -1, 3 }, "pool_max_overflow=3"},
		{"overflow 0", func(c *pooled.Config) { c.MaxOverflow = 0 }, ""},
		{"overflow -2", func(c *pooled.Config) { c.MaxOverflow = -2 }, "pool_max_overflow=-2"},
		{"timeout 0", func(c *pooled.Config) { c.Timeout = 0 }, ""},
		{"timeout -1", func(c *pooled.Config) { c.Timeout = -1 }, ""},
		{"timeout -1s", func(c *pooled.Config) { c.Timeout = -time.Second },
			"pool_timeout=-1s: bad value: want no negative duration: for no limit write NoLimit"},
		{"timeout NoLimit", func(c *pooled.Config) { c.Timeout = pooled.NoLimit }, ""},
		{"pre-ping 0", func(c *pooled.Config) { c.PrePing = 0 },
			"want PingOff, PingAlways, PingAuto, or a duration above 0: 0 could mean off or always"},
		{"pre-ping -1s", func(c *pooled.Config) { c.PrePing = -time.Second }, "for no limit write NoLimit"},
		{"idle timeout 0", func(c *pooled.Config) { c.IdleTimeout = 0 }, ""},
		{"idle timeout -2", func(c *pooled.Config) { c.IdleTimeout = -2 }, "pool_idle_timeout="},
		{"min idle -1", func(c *pooled.Config) { c.MinIdle = -1 }, "pool_min_idle=-1"},
		{"min idle above the limit", func(c *pooled.Config) { c.Size, c.MaxOverflow, c.MinIdle = 2, 1, 4 },
			"pool_min_idle=4"},
		{"min idle at the limit", func(c *pooled.Config) { c.Size, c.MaxOverflow, c.MinIdle = 2, 1, 3 }, ""},
		{"min idle without limit", func(c *pooled.Config) { c.MinIdle = 1000 }, ""},
		{"min idle huge", func(c *pooled.Config) { c.Size, c.MaxOverflow, c.MinIdle = 1<<62, 1<<62, 1 }, ""},
		{"min idle outside queue", func(c *pooled.Config) { c.Class, c.MinIdle = pooled.ClassNull, 1 },
			"pool_min_idle=1"},
		{"connect limit 0", func(c *pooled.Config) { c.ConnectLimit = 0 }, "pool_connect_limit=0"},
		{"connect limit -1", func(c *pooled.Config) { c.ConnectLimit = -1 }, ""},
		{"target", func(c *pooled.Config) { c.Target = "" }, "pool_target=: bad value: want any, primary, standby or"},
		{"host order", func(c *pooled.Config) { c.HostOrder = "first" }, "pool_hosts=first: bad value: want order or"},
		{"outage wait 0", func(c *pooled.Config) { c.OutageWait = 0 }, ""},
		{"outage wait -1", func(c *pooled.Config) { c.OutageWait = pooled.NoLimit }, ""},
		{"outage wait auto", func(c *pooled.Config) { c.OutageWait = pooled.OutageWaitAuto }, ""},
		{"outage wait -3", func(c *pooled.Config) { c.OutageWait = -3 }, "pool_outage_wait="},
		{"dead after 0", func(c *pooled.Config) { c.DeadAfter = 0 },
			"pool_dead_after=0s: bad value: want a duration from 1s to 12h, or -1 (NoLimit)"},
		{"dead after 999ms", func(c *pooled.Config) { c.DeadAfter = 999 * time.Millisecond }, "pool_dead_after=999ms"},
		{"dead after a day", func(c *pooled.Config) { c.DeadAfter = 24 * time.Hour }, "pool_dead_after=24h"},
		{"dead after -1", func(c *pooled.Config) { c.DeadAfter = pooled.NoLimit }, ""},
		{"reset mode", func(c *pooled.Config) { c.ResetOnReturn = "" }, "pool_reset_on_return="},
		{"reset timeout 0", func(c *pooled.Config) { c.ResetTimeout = 0 }, "pool_reset_timeout=0s"},
		{"reset timeout -1", func(c *pooled.Config) { c.ResetTimeout = -1 }, ""},
		{"name", func(c *pooled.Config) { c.Name = "orders, main" }, ""},
		{"name of two lines", func(c *pooled.Config) { c.Name = "a\nb" }, "pool_name="},
		{"name not UTF-8", func(c *pooled.Config) { c.Name = "\xff" }, "pool_name="},
	} {
		c := pooled.NewConfig()
		test.set(&c)
		pooledtest.CheckError(t, test.name, refusal(c), test.want)
	}
}

// A pool keeps to the Config that it was given, whatever becomes of the caller's.
func TestConfigIsCopied(t *testing.T) {
	register := fmt.Sprintf("copied-%p", t)
	pooled.RegisterHooks(register, pooled.Hooks{})
	cfg := pooled.NewConfig()
	cfg.HookNames = []string{register}
	connector, err := pooled.NewConnector(pooledtest.NewFake(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer connector.Close()
	cfg.HookNames[0] = "changed"
	for _, s := range connector.Pool().Settings() {
		if s.Key == "pool_hooks" && s.Value != register {
			t.Errorf("after a change of the caller's Config: have %s=%s, want %s", s.Key, s.Value, register)
		}
	}
}

// TestOptionsAgree holds the table to its own promises: each key and alias once, each default accepted and without
// effect.
func TestOptionsAgree(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range pooled.Options() {
		for _, key := range append([]string{o.Key}, o.Aliases...) {
			if seen[key] {
				t.Errorf("%s: have it twice, want every key once", key)
			}
			seen[key] = true
			if !dsn.IsOption(key) {
				t.Errorf("%s: have a key whose form does not show that it is an option", key)
			}
		}
		if o.Doc == "" || strings.ContainsAny(o.Doc, "|\n") {
			t.Errorf("%s: have doc %q, want one line that fits a table", o.Key, o.Doc)
		}
		if o.Key == "pool_driver" {
			continue
		}
		c, err := pooled.ParseDSN("u@tcp(h)/db?" + o.Key + "=" + o.Default)
		if err != nil || o.Classes != nil && !slices.Contains(o.Classes, pooled.ClassQueue) {
			t.Errorf("%s=%s: have %v, want its default accepted", o.Key, o.Default, err)
			continue
		}
		if have, want := c.FormatDSN(), "u@tcp(h)/db"; have != want {
			t.Errorf("%s=%s: have %s, want %s: the default changes something", o.Key, o.Default, have, want)
		}
	}
}

func TestOptionsCannotBeChanged(t *testing.T) {
	for _, o := range pooled.Options() {
		if len(o.Aliases) > 0 {
			o.Aliases[0] = "changed"
		}
		if len(o.Classes) > 0 {
			o.Classes[0] = "changed"
		}
	}
	for _, o := range pooled.Options() {
		if slices.Contains(o.Aliases, "changed") || slices.Contains(o.Classes, "changed") {
			t.Errorf("%s: have an alias or a class that a caller changed, want a copy for each caller", o.Key)
		}
	}
}

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
	pause := 300 * time.Millisecond
	if cfg.Recycle > 0 && cfg.Recycle < time.Millisecond {
		pause /= 10 // time for 30 replacements of each
	}
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
		time.Sleep(pause)
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
