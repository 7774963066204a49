package pooled_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
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
			"for no limit write pool_max_overflow=-1, to keep no server connection pool_class=null"},
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
		{"reset mode", func(c *pooled.Config) { c.ResetOnReturn = "" }, "pool_reset_on_return="},
		{"reset timeout 0", func(c *pooled.Config) { c.ResetTimeout = 0 }, "pool_reset_timeout=0s"},
		{"reset timeout -1", func(c *pooled.Config) { c.ResetTimeout = -1 }, ""},
		{"name", func(c *pooled.Config) { c.Name = "orders, main" }, ""},
		{"name of two lines", func(c *pooled.Config) { c.Name = "a\nb" }, "pool_name="},
		{"name not UTF-8", func(c *pooled.Config) { c.Name = "\xff" }, "pool_name="},
	} {
		c := pooled.NewConfig()
		test.set(&c)
		checkError(t, test.name, refusal(c), test.want)
	}
}

// checkError wants no error, or one that keeps the package's promises about errors and holds want.
func checkError(t *testing.T, what string, err error, want string) {
	t.Helper()
	switch {
	case err == nil && want != "":
		t.Errorf("%s: have no error, want %q", what, want)
	case err != nil && want == "":
		t.Errorf("%s: have %q, want no error", what, err)
	case err != nil && (!strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "pooled: ") ||
		strings.ContainsAny(err.Error(), "\r\n")):
		t.Errorf("%s: have %q, want one line that begins with %q and holds %q", what, err, "pooled: ", want)
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
