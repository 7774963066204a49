package pooled

var (
	Sum       = sum
	PercentOf = percentOf
	Times     = times
)
