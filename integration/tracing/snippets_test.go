package tracing

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"log/slog"

	"github.com/XSAM/otelsql"
	"github.com/ngrok/sqlmw"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/pooled-go/pooled"
)

// The snippets of docs/tracing.md.

func openTraced(dsn string) (*sql.DB, error) {
	db, err := otelsql.Open("pooled", dsn,
		otelsql.WithAttributes(attribute.String("db.system.name", "postgresql")),
		otelsql.WithSpanOptions(otelsql.SpanOptions{OmitConnResetSession: true, OmitRows: true}))
	return db, err
}

func registerTrace() {
	pooled.RegisterHooks("trace", pooled.Hooks{
		Checkout: func(ctx context.Context, s *pooled.ServerConn) error {
			trace.SpanFromContext(ctx).AddEvent("pool.checkout", trace.WithAttributes(
				attribute.Int("pooled.conn", int(s.ID())), attribute.String("pooled.session", s.Session())))
			return nil
		},
	})
}

// querySpans makes a span for each query, which begins when the query has its connection.
type querySpans struct{ sqlmw.NullInterceptor }

func (querySpans) ConnQueryContext(
	ctx context.Context, conn driver.QueryerContext, query string, args []driver.NamedValue,
) (context.Context, driver.Rows, error) {
	traced, span := otel.Tracer("shop").Start(ctx, "query", trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("db.query.text", query), attribute.Int("pooled.conn", int(pooled.ConnID(ctx)))))
	defer span.End()
	rows, err := conn.QueryContext(traced, query, args)
	if err != nil && !errors.Is(err, driver.ErrSkip) {
		span.RecordError(err)
		span.SetStatus(codes.Error, "")
	}
	return ctx, rows, err
}

func openIntercepted(dsn string) (*sql.DB, error) {
	cfg, err := pooled.ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	cfg.Interceptors = []pooled.Interceptor{querySpans{}}
	return pooled.Open(cfg)
}

// withTrace adds the trace to each record of a log.
type withTrace struct{ slog.Handler }

func (h withTrace) Handle(ctx context.Context, record slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		record.AddAttrs(slog.String("trace_id", span.TraceID().String()), slog.String("span_id", span.SpanID().String()))
	}
	return h.Handler.Handle(ctx, record)
}

func (h withTrace) WithAttrs(attrs []slog.Attr) slog.Handler {
	return withTrace{h.Handler.WithAttrs(attrs)}
}

func (h withTrace) WithGroup(name string) slog.Handler {
	return withTrace{h.Handler.WithGroup(name)}
}
