package metrics_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/metrics"
	"github.com/prometheus/common/expfmt"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

const secret = "tiger-in-the-tank"

// Whatever form a DSN has, nothing that is exported has its password; nor has an error.
func TestNoPassword(t *testing.T) {
	for _, dsn := range []string{
		"postgres://scott:" + secret + "@127.0.0.1:1/shop?sslmode=disable",
		"postgres://127.0.0.1:1/shop?sslmode=disable&user=scott&password=" + secret,
		"host=127.0.0.1 port=1 user=scott sslmode=disable password=" + secret + " pool_driver=postgres",
		"scott:" + secret + "@tcp(127.0.0.1:1)/shop",
		"mysql://scott:" + secret + "@127.0.0.1:1/shop",
	} {
		db, err := sql.Open("pooled", dsn)
		if err != nil {
			t.Errorf("%s: %v", dsn, err)
			continue
		}
		defer db.Close()
	}
	reader := sdkmetric.NewManualReader()
	stop, err := metrics.Register(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	read, registry := viaProm(t)
	if have := len(read().pools()); have != 5 {
		t.Errorf("have %d pools, want 5", have)
	}

	var out bytes.Buffer
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&out, "%+v\n", all)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&out, f); err != nil {
			t.Fatal(err)
		}
	}
	_, err = metrics.Register(provider{m: &meters{fail: "callback"}})
	fmt.Fprintln(&out, err)
	for _, part := range []string{secret, "scott"} {
		if at := strings.Index(out.String(), part); at >= 0 {
			t.Errorf("have %q in %q", part, out.String()[max(0, at-80):at+40])
		}
	}
}
