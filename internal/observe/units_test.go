package observe_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/observe"
)

// Whatever handler writes the log, a duration is a number, and its name has the unit.
func TestDurationsHaveUnits(t *testing.T) {
	for _, test := range []struct {
		held time.Duration
		want string
	}{
		{0, "0"},
		{400 * time.Nanosecond, "0"},
		{time.Microsecond, "0.001"},
		{1500*time.Microsecond + 499, "1.5"},
		{30 * time.Second, "30000"},
		{999*time.Second + 999*time.Millisecond + 999*time.Microsecond + 999, "1000000"},
		{1000*time.Second - time.Microsecond, "999999.999"},
		{1000*time.Second + 600*time.Microsecond, "1000001"},
		{26 * time.Hour, "93600000"},
	} {
		leak := observe.Holder{Conn: 7, Held: test.held}
		logged := func(handler func(io.Writer, *slog.HandlerOptions) slog.Handler) string {
			var text bytes.Buffer
			logger := slog.New(handler(&text, nil))
			observe.Log{
				Pool: func() string { return "shop" }, Logger: func() *slog.Logger { return logger }, Redact: new(masker),
			}.Leak(leak)
			return text.String()
		}
		text := logged(func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewTextHandler(w, o) })
		if want := " held_ms=" + test.want + " "; !strings.Contains(text, want) {
			t.Errorf("%v as text: have %swant %q in it", test.held, text, want)
		}
		asJSON := logged(func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewJSONHandler(w, o) })
		if want := `,"held_ms":` + test.want + `,`; !strings.Contains(asJSON, want) || !json.Valid([]byte(asJSON)) {
			t.Errorf("%v as JSON: have %swant %q in it", test.held, asJSON, want)
		}
	}
}

// What one statement in the log costs, beside what it costs where the level is off.
func BenchmarkStatementLog(b *testing.B) {
	for name, logger := range map[string]*slog.Logger{
		"json": slog.New(slog.NewJSONHandler(io.Discard, nil)),
		"text": slog.New(slog.NewTextHandler(io.Discard, nil)),
		"off":  slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError})),
	} {
		b.Run(name, func(b *testing.B) {
			l := &observe.StatementLog{
				Log: observe.Log{
					Pool: func() string { return "shop" }, Logger: func() *slog.Logger { return logger }, Redact: new(masker),
				},
				ConnID: func(context.Context) uint64 { return 7 },
			}
			b.ReportAllocs()
			for b.Loop() {
				l.ConnExecContext(b.Context(), db{}, "UPDATE stock SET n = n - 1", one)
			}
		})
	}
}
