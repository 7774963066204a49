package debug

type (
	Report      = report
	PoolReport  = poolReport
	Event       = event
	ReadyReport = readyReport
)

var Figures = figures

// Token is what the page's forms have.
func Token() string { return token() }
