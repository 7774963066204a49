// Package metrics exports the figures of pools as OpenTelemetry metrics, by the semantic conventions for database
// client connection pools:
//
//	stop, err := metrics.Register(otel.GetMeterProvider())
//
// For Prometheus there is package prom beside it:
//
//	prometheus.MustRegister(prom.NewCollector())
//
// They are two packages, so that a program compiles only the client library that it uses. Both export the same figures.
// docs/metrics.md lists them, with alerts.
//
// Figures are read when somebody collects them. For the histograms, pools read the clock three times for each checkout
// while one of the two packages is in use.
package metrics
