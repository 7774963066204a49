// Package observe records what happens in a pool: events in a ring ([Journal]) and a log ([Log]), statements in a log
// ([StatementLog]), durations in a [Histogram]. A [List] holds the functions to call.
//
// It knows no pool and no connection: it is told names, numbers and texts. It takes
// secrets out of texts, by a [Redactor], before it keeps or logs them. Everything may be
// used from several goroutines at once.
package observe

// Redactor takes secrets out of texts.
type Redactor interface {
	Clean(text string) string           // without secrets
	Clip(text string, limit int) string // and cut
	Head(text string, limit int) string // cut as bytes, which need not be text
	Log(text string) string             // as it goes into a log
}
