package debug

import (
	"fmt"
	"html/template"
	"time"

	"github.com/pooled-go/pooled/internal/seconds"
)

// formats are for the first look at the page, which the server draws. page/format.js does the same for all that
// follow; a test compares what the two have drawn.
var formats = template.FuncMap{
	"count":  formatCount,
	"bound":  formatBound,
	"about":  formatAbout,
	"atMost": formatAtMost,
	"mean":   formatMean,
	"clock":  func(t time.Time) string { return t.UTC().Format("15:04:05Z") },
	"stamp":  func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
	"share":  share,
	"plus":   func(a, b int) int { return min(100, a+b) },
}

// formatCount groups the digits of an int or uint64, not below 0, by three.
func formatCount(n any) string {
	digits := fmt.Sprint(n)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "\u202f" + digits[at:]
	}
	return digits
}

// formatBound is a number of which -1 means that there is no limit.
func formatBound(n int) string {
	if n < 0 {
		return "none"
	}
	return formatCount(n)
}

// formatAbout is a duration of the pool's coarse clock, which knows nothing smaller than a second well.
func formatAbout(s float64) string {
	if s < 1 {
		return "< 1s"
	}
	return seconds.Short(s)
}

// formatAtMost is a bound of a bucket: 0 where nothing was measured, -1 beyond the last.
func formatAtMost(s float64) string {
	switch {
	case s < 0:
		return "> 1m00s"
	case s == 0:
		return "–"
	}
	return "≤ " + seconds.Short(s)
}

func formatMean(h histogram) string {
	if h.Count == 0 {
		return "–"
	}
	return seconds.Short(h.Sum / float64(h.Count))
}

// share is a part of a pool's room in percent, for the bars of the overview: of its limit, or if it has none of what
// is open.
func share(part int, p poolReport) int {
	room := p.Limit
	if room <= 0 {
		room = max(p.Size, p.InUse+p.Idle+p.Opening)
	}
	return min(100, part*100/max(1, room))
}
