// Package metrics exports what pools know of themselves as OpenTelemetry metrics, by the semantic conventions for
// database client connection pools:
//
//	stop, err := metrics.Register(otel.GetMeterProvider())
//
// For Prometheus there is package prom beside it:
//
//	prometheus.MustRegister(prom.NewCollector())
//
// They are two packages so that neither makes a program compile the other's client library. Both export the same
// figures of the same pools, from one table; docs/metrics.md lists them, with alerts.
//
// Figures are read when somebody collects them. What is measured at the moment, how long things take, costs the pool
// three readings of the clock for each checkout and checkin, from when one of the two is in use.
package metrics
