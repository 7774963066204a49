package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pooled-go/pooled/bench"
)

// chart is a picture of bars that lie on their side, so that there is room for
// their names: one for each series in each group.
type chart struct {
	file   string // "contention.svg"
	title  string
	unit   string // of the values
	log    bool   // their axis is logarithmic
	groups []string
	series []chartSeries
}

// chartSeries has a value for each group, and the range that is drawn over its
// bar. NaN is no bar.
type chartSeries struct {
	name              string
	values, low, high []float64
}

// ranged is the median, smallest and largest value of a few long runs, those of
// one group after the other.
func ranged(name string, runs ...bench.Series) chartSeries {
	return summed(name, func(s bench.Series) (float64, float64) { return s.Min(), s.Max() }, runs)
}

// quartiled is the median and the quartiles of many short runs.
func quartiled(name string, runs ...bench.Series) chartSeries {
	return summed(name, bench.Series.Quartiles, runs)
}

func summed(name string, bounds func(bench.Series) (low, high float64), runs []bench.Series) chartSeries {
	s := chartSeries{name: name}
	for _, r := range runs {
		low, high := bounds(r)
		s.values, s.low, s.high = append(s.values, r.Median()), append(s.low, low), append(s.high, high)
	}
	return s
}

// The look: colours that can also be told apart by those who see few of them, and
// sizes in pixels. A letter is as wide as in the widest of the usual fonts, since
// nobody knows which one the reader has; for the same reason each text hangs on
// the end that must not move.
var palette = []string{"#4477aa", "#ee9944", "#55a868", "#aa3377", "#999999", "#66ccee", "#ccbb44"}

const (
	chartWidth  = 860.0
	margin      = 14.0
	titleHeight = 40.0
	lineHeight  = 20.0 // of the legend
	barHeight   = 18.0
	groupGap    = 14.0
	axisHeight  = 50.0
	letter      = 7.6
	figureWidth = 70.0 // right of the longest bar
)

// drawing is a chart on its way to a picture.
type drawing struct {
	chart
	bytes.Buffer
	left, right, top, bottom float64 // of the bars
	min, max                 float64 // their values
}

// svg draws the chart.
func (c chart) svg() []byte {
	d := &drawing{chart: c, left: 2 * margin, right: chartWidth - figureWidth}
	for _, name := range c.groups {
		d.left = max(d.left, 2*margin+width(name))
	}
	legend := d.legend(titleHeight)
	d.top = titleHeight + groupGap
	if len(c.series) > 1 {
		d.top += legend
	}
	d.bottom = d.top + float64(len(c.groups))*(barHeight*float64(len(c.series))+groupGap)
	d.min, d.max = c.bounds()

	d.Reset()
	height := d.bottom + axisHeight
	d.add(
		`<svg xmlns="http://www.w3.org/2000/svg" width="%g" height="%g" viewBox="0 0 %g %g" font-family="Liberation Sans, Arial, Helvetica, sans-serif" font-size="13">`,
		chartWidth,
		height,
		chartWidth,
		height,
	)
	d.box("#ffffff", 0, 0, chartWidth, height)
	d.add(`<g font-size="16" font-weight="bold">`)
	d.text(chartWidth/2, 26, "middle", c.title)
	d.add(`</g>`)
	if len(c.series) > 1 {
		d.legend(titleHeight)
	}
	d.axis()
	d.bars()
	d.add(`</svg>`)
	return d.Bytes()
}

// width is how much room a text may need.
func width(s string) float64 { return letter * float64(utf8.RuneCountInString(s)) }

// legend names the series' colours and returns its height.
func (d *drawing) legend(y float64) float64 {
	x, lines := margin, 1.0
	for i, s := range d.series {
		needs := 24 + width(s.name) + margin
		if x+needs > chartWidth && x > margin {
			x, lines = margin, lines+1
		}
		top := y + (lines-1)*lineHeight
		d.box(d.colour(i), x, top+3, 14, 14)
		d.text(x+20, top+14.5, "start", s.name)
		x += needs
	}
	return lines * lineHeight
}

// colour of a series. pooled, the first of them if there are several, has the
// same one in all charts.
func (c chart) colour(i int) string {
	own := slices.IndexFunc(c.series, func(s chartSeries) bool { return strings.HasPrefix(s.name, "pooled") })
	switch {
	case i == own:
		i = 0
	case i < own || own < 0:
		i++
	}
	return palette[i%len(palette)]
}

// axis is that of the values, with lines at its ticks.
func (d *drawing) axis() {
	for _, v := range d.ticks() {
		d.line("#dddddd", d.x(v), d.top-groupGap/2, d.x(v), d.bottom)
		d.text(d.x(v), d.bottom+16, "middle", threeDigits(v))
	}
	d.line("#333333", d.left, d.bottom, d.right, d.bottom)
	d.text((d.left+d.right)/2, d.bottom+38, "middle", d.unit)
}

// bars draws each with its range and its figure.
func (d *drawing) bars() {
	y := d.top
	for i, name := range d.groups {
		d.text(d.left-8, y+barHeight*float64(len(d.series))/2+4.5, "end", name)
		for k, s := range d.series {
			if v := s.values[i]; !math.IsNaN(v) {
				d.box(d.colour(k), d.left, y+1, d.x(v)-d.left, barHeight-2)
				middle := y + barHeight/2
				d.line("#000000", d.x(s.low[i]), middle, d.x(s.high[i]), middle)
				d.add(`<g font-size="11">`)
				d.text(max(d.x(v), d.x(s.high[i]))+5, middle+4, "start", threeDigits(v))
				d.add(`</g>`)
			}
			y += barHeight
		}
		y += groupGap
	}
	d.line("#333333", d.left, d.top-groupGap/2, d.left, d.bottom)
}

// bounds are those of the values' axis.
func (c chart) bounds() (low, high float64) {
	low = math.Inf(1)
	for _, s := range c.series {
		for i, v := range s.values {
			if v > 0 && !math.IsInf(v, 1) {
				low, high = min(low, v), max(high, v, s.high[i])
			}
		}
	}
	switch {
	case high == 0: // no bar at all
		return 0, 1
	case c.log:
		low = math.Pow(10, math.Floor(math.Log10(low/2))) // the shortest bar is a bar
		return low, max(high, 10*low)
	}
	return 0, high
}

// ticks are powers of ten, or some five round numbers.
func (d *drawing) ticks() (all []float64) {
	if d.log {
		for v := d.min; v <= d.max*1.001; v *= 10 {
			all = append(all, v)
		}
		return all
	}
	step := math.Pow(10, math.Floor(math.Log10(d.max)))
	for _, part := range []float64{0.1, 0.2, 0.5} {
		if d.max/(step*part) <= 6 {
			step *= part
			break
		}
	}
	for i := 0.0; i*step <= d.max*1.001; i++ {
		all = append(all, i*step)
	}
	return all
}

// x is where a value is drawn.
func (d *drawing) x(v float64) float64 {
	v = min(max(v, d.min), d.max)
	share := (v - d.min) / (d.max - d.min)
	if d.log {
		share = math.Log(v/d.min) / math.Log(d.max/d.min)
	}
	return d.left + share*(d.right-d.left)
}

func (d *drawing) add(format string, args ...any) { fmt.Fprintf(d, format+"\n", args...) }

func (d *drawing) box(colour string, x, y, width, height float64) {
	d.add(`<rect fill="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, colour, x, y, width, height)
}

func (d *drawing) line(colour string, x1, y1, x2, y2 float64) {
	d.add(`<line stroke="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, colour, x1, y1, x2, y2)
}

// text hangs on its start, middle or end.
func (d *drawing) text(x, y float64, anchor, s string) {
	fmt.Fprintf(d, `<text x="%.1f" y="%.1f" text-anchor="%s">`, x, y, anchor)
	xml.EscapeText(d, []byte(s))
	d.add(`</text>`)
}

// threeDigits are as many as one reads.
func threeDigits(v float64) string {
	if math.Abs(v) < 100 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	digits := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
