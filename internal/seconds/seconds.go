// Package seconds shows durations that are numbers of seconds, as in JSON, to people.
package seconds

import "fmt"

// Short is a duration in two units at most, so that it can be compared at a glance.
func Short(s float64) string {
	whole := int(s)
	switch {
	case s == 0:
		return "0s"
	case s < 0.9995e-3:
		return fmt.Sprintf("%.0fµs", s*1e6)
	case s < 0.9995:
		return fmt.Sprintf("%.0fms", s*1e3)
	case s < 59.95:
		return fmt.Sprintf("%.1fs", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", whole/60, whole%60)
	case s < 86400:
		return fmt.Sprintf("%dh%02dm", whole/3600, whole/60%60)
	}
	return fmt.Sprintf("%dd%02dh", whole/86400, whole/3600%24)
}
