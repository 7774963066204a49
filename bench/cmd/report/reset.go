package main

import (
	"context"
	"fmt"

	"github.com/pooled-go/pooled/bench"
)

// What a session reset over TLS may cost.
const (
	resetTLSRatio = 0.6 // of the requests a second without TLS
	resetConnects = 5.0 // a second
)

func reset(ctx context.Context, how settings, s bench.Server, admin *bench.Admin) (section, error) {
	out := section{
		title: "Session reset",
		text: fmt.Sprintf("%d callers take a connection, set a user variable, read it and return the connection, for "+
			"%v, as fast as they can. So each return\nresets the session.", bench.ResetCallers, how.saturate),
		header: []string{"`pool_reset_on_return`", "requests/s", "to without TLS", "connects/s", "p50, ms", "p99, ms"},
	}
	if !s.HasTLS(ctx) {
		out.text += "\n\n**Not measured: the server has no TLS.**"
		return out, nil
	}
	if err := admin.Settle(ctx); err != nil {
		return out, err
	}
	contenders := bench.ResetContenders(s)
	pools := make([]*bench.Resetting, len(contenders))
	for i, c := range contenders {
		pool, err := c.Open(ctx)
		if err != nil {
			return out, err
		}
		defer pool.Close()
		pools[i] = pool
	}
	step("%s, session reset", s.Name)
	runs := make([]loads, len(contenders))
	connects := make([]bench.Series, len(contenders))
	err := bench.InTurns(2*how.pairs+1, len(contenders), func(i int) error {
		l, opened, err := pools[i].Run(ctx, how.saturate)
		runs[i] = append(runs[i], l)
		connects[i] = append(connects[i], float64(opened)/l.Took.Seconds())
		return err
	})
	if err != nil {
		return out, err
	}
	for i, c := range contenders {
		plain := runs[i&^1] // they come in pairs
		ratio := runs[i].perSecond().Over(plain.perSecond())
		out.row(c.Name, median(runs[i].perSecond(), "%.0f"), spread(ratio, "%.2f"), median(connects[i], "%.1f"),
			median(runs[i].milliseconds(0.5), "%.2f"), median(runs[i].milliseconds(0.99), "%.2f"))
		if i%2 == 1 {
			name := fmt.Sprintf("session reset, %s, %s: ", s.Name, c.Name)
			out.promise(name+"requests/s to without TLS", spread(ratio, "%.2f"), fmt.Sprintf("at least %g", resetTLSRatio),
				ratio.Median() >= resetTLSRatio)
			out.promise(name+"connects/s", spread(connects[i], "%.1f"), fmt.Sprintf("at most %g", resetConnects),
				connects[i].Median() <= resetConnects)
		}
	}
	return out, nil
}

func dials(ctx context.Context, how settings, s bench.Server, admin *bench.Admin) (section, error) {
	out := section{
		title:  "Connecting over TLS",
		text:   "One caller opens a connection, asks `SELECT 1` and closes it, again and again.",
		header: []string{"TLS", "connects/s", "to a full handshake", "p50, ms", "p99, ms"},
	}
	if !s.HasTLS(ctx) {
		out.text += "\n\n**Not measured: the server has no TLS.**"
		return out, nil
	}
	contenders, err := bench.DialContenders(s)
	if err != nil {
		return out, err
	}
	if err := admin.Settle(ctx); err != nil {
		return out, err
	}
	operation := bench.Operation{Name: "connect", Run: s.Select1}
	runs, err := saturate(ctx, how, s, contenders, operation, 1)
	if err != nil {
		return out, err
	}
	for i, c := range contenders {
		out.row(c.Name, median(runs[i].perSecond(), "%.0f"), spread(runs[i].perSecond().Over(runs[0].perSecond()), "%.2f"),
			median(runs[i].milliseconds(0.5), "%.2f"), median(runs[i].milliseconds(0.99), "%.2f"))
	}
	return out, nil
}
