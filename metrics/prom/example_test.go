package prom_test

import (
	"database/sql"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/metrics/prom"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func openShop() *sql.DB {
	cfg := pooled.NewConfig()
	cfg.Name, cfg.Size, cfg.MaxOverflow = "shop", 10, 10
	connector, err := pooled.NewConnector(pooledtest.Null{}, cfg)
	if err != nil {
		log.Fatal(err)
	}
	return sql.OpenDB(connector)
}

// All pools of the process, those that are opened later included.
func ExampleNewCollector() {
	prometheus.MustRegister(prom.NewCollector())
	http.Handle("/metrics", promhttp.Handler())

	db := openShop()
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		log.Fatal(err)
	}
	defer tx.Rollback()

	page := httptest.NewRecorder()
	http.DefaultServeMux.ServeHTTP(page, httptest.NewRequest("GET", "/metrics", nil))
	for line := range strings.Lines(page.Body.String()) {
		if strings.HasPrefix(line, "pooled_connections{") || strings.HasPrefix(line, "pooled_connections_max{") {
			fmt.Print(line)
		}
	}
	// Output:
	// pooled_connections{pool="shop",state="idle"} 0
	// pooled_connections{pool="shop",state="used"} 1
	// pooled_connections_max{pool="shop"} 20
}

// One pool alone.
func ExampleNewCollector_chosen() {
	db := openShop()
	defer db.Close()
	if pool, ok := pooled.PoolOf(db); ok {
		registry := prometheus.NewRegistry()
		registry.MustRegister(prom.NewCollector(pool))
		fmt.Println("registered", pool.Name())
	}
	// Output: registered shop
}
