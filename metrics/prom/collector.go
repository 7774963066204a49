// Package prom exports the figures of pools to Prometheus:
//
//	prometheus.MustRegister(prom.NewCollector())
//
// Package metrics beside it does the same for OpenTelemetry. docs/metrics.md lists the figures.
package prom

import (
	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/metrics/internal/figures"
	"github.com/prometheus/client_golang/prometheus"
)

// NewCollector exports the given pools. Without any it exports all pools of the process, also those that are opened
// later. A pool is exported until it is closed.
//
// For the histograms, pools measure durations: those that are open from now on, one that is opened later from the next
// scrape on, or from its start with pool_timings=true. They stop after five minutes without a scrape; see
// [pooled.Pool.Histogram].
//
// A Registry takes only one such collector: give it all pools that you want to export.
func NewCollector(pools ...*pooled.Pool) prometheus.Collector {
	c := &collector{pools: figures.Choose(pools)}
	for _, f := range figures.Figures {
		labels := []string{"pool"}
		if f.State != "" {
			labels = append(labels, "state")
		}
		c.figures = append(c.figures, prometheus.NewDesc(f.Prom, f.Help, labels, nil))
	}
	for _, h := range figures.Histograms {
		c.histograms = append(c.histograms, prometheus.NewDesc(h.Prom, h.Help, []string{"pool"}, nil))
	}
	for _, p := range c.pools() {
		p.Pool.Histogram(pooled.TimingWait) // the first call makes it measure
	}
	return c
}

type collector struct {
	pools      func() []figures.Named
	figures    []*prometheus.Desc // in the order of figures.Figures
	histograms []*prometheus.Desc // in the order of figures.Histograms
}

// Describe is part of prometheus.Collector.
func (c *collector) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range c.figures {
		descs <- d
	}
	for _, d := range c.histograms {
		descs <- d
	}
}

// Collect is part of prometheus.Collector.
func (c *collector) Collect(metrics chan<- prometheus.Metric) {
	for _, p := range c.pools() {
		s := figures.LookAt(p.Pool)
		for i, f := range figures.Figures {
			n := f.Read(s)
			if n < 0 {
				continue
			}
			kind, labels := prometheus.GaugeValue, []string{p.Name}
			if f.Counter {
				kind = prometheus.CounterValue
			}
			if f.State != "" {
				labels = append(labels, f.State)
			}
			metrics <- prometheus.MustNewConstMetric(c.figures[i], kind, float64(n), labels...)
		}
		for i, h := range figures.Histograms {
			metrics <- histogram(c.histograms[i], p.Pool.Histogram(h.Timing), p.Name)
		}
	}
}

// histogram is h in Prometheus' terms, which count what is beyond the last bound without a bucket.
func histogram(desc *prometheus.Desc, h pooled.Histogram, pool string) prometheus.Metric {
	buckets := make(map[float64]uint64, len(h.Buckets))
	for _, b := range h.Buckets {
		if b.UpTo >= 0 {
			buckets[b.UpTo.Seconds()] = b.Count
		}
	}
	return prometheus.MustNewConstHistogram(desc, h.Count, h.Sum.Seconds(), buckets, pool)
}
