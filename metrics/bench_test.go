package metrics_test

import (
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// BenchmarkCheckout is an Exec on a parent that does nothing: a checkout and a checkin, and what
// database/sql adds. The difference to "none" is what an exporter costs.
func BenchmarkCheckout(b *testing.B) {
	for _, with := range []struct {
		name     string
		register func(*testing.B, *pooled.Pool)
	}{
		{"none", func(*testing.B, *pooled.Pool) {}},
		{"OpenTelemetry", func(b *testing.B, p *pooled.Pool) { viaOTel(b, p) }},
		{"Prometheus", func(b *testing.B, p *pooled.Pool) { viaProm(b, p) }},
		{"both", func(b *testing.B, p *pooled.Pool) { viaOTel(b, p); viaProm(b, p) }},
	} {
		b.Run(with.name, func(b *testing.B) {
			db, pool := open(b, "bench", pooledtest.Null{})
			with.register(b, pool)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := db.Exec("UPDATE"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCollect is one look at 10 pools.
func BenchmarkCollect(b *testing.B) {
	for range 10 {
		open(b, "", pooledtest.Null{})
	}
	for _, with := range []struct {
		name string
		read func() exported
	}{
		{"OpenTelemetry", func() exported { read, _ := viaOTel(b); return read }},
		{"Prometheus", func() exported { read, _ := viaProm(b); return read }},
	} {
		b.Run(with.name, func(b *testing.B) {
			read := with.read()
			b.ReportAllocs()
			for b.Loop() {
				read()
			}
		})
	}
}
