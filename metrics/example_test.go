package metrics_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/metrics"
	"go.opentelemetry.io/otel"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// All pools of the process, those that are opened later included.
func ExampleRegister() {
	reader := sdkmetric.NewManualReader() // a program has a PeriodicReader here
	otel.SetMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))
	if err := func() error {
		stop, err := metrics.Register(otel.GetMeterProvider())
		if err != nil {
			return err
		}
		defer stop()
		return serve(reader)
	}(); err != nil {
		log.Fatal(err)
	}
	// Unordered output:
	// shop idle: 0
	// shop used: 1
}

// A pool by its name, which works where a library has wrapped the driver, too.
func Example_byName() {
	db, err := sql.Open("pooled", "postgres://scott:tiger@localhost/shop?pool_name=shop")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	if pool, ok := pooled.PoolNamed("shop"); ok {
		fmt.Println(pool.Name(), pool.Stats().CheckedOut, "in use")
	}
	// Output: shop 0 in use
}

// serve is the rest of a program.
func serve(reader sdkmetric.Reader) error {
	cfg := pooled.NewConfig()
	cfg.Name = "shop"
	connector, err := pooled.NewConnector(pooledtest.Null{}, cfg)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()

	var all metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &all); err != nil {
		return err
	}
	for _, m := range all.ScopeMetrics[0].Metrics {
		if m.Name != "db.client.connection.count" {
			continue
		}
		for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
			pool, _ := p.Attributes.Value("db.client.connection.pool.name")
			state, _ := p.Attributes.Value("db.client.connection.state")
			fmt.Printf("%s %s: %d\n", pool.AsString(), state.AsString(), p.Value)
		}
	}
	return nil
}
