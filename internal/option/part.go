package option

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

var errPart = errors.New("want a percentage from 0% to 100% or a duration")

// Part is a length of time that is given as a part of another one, in percent, or as a duration. At most one of the two
// fields is set; -1 is none.
func Part[C any](key string, percent func(*C) *float64, duration func(*C) *time.Duration, doc string) Row[C] {
	return Row[C]{
		Key: key, Doc: doc,
		Parse: func(c *C, v string) (err error) {
			*percent(c), *duration(c) = 0, 0
			if p, ok := strings.CutSuffix(v, "%"); ok {
				*percent(c), err = ParsePercent(p)
			} else {
				*duration(c), err = parseDuration(v)
				*duration(c) = max(*duration(c), 0)
			}
			if err != nil && !errors.Is(err, errPlain) {
				return errPart
			}
			return err
		},
		Format: func(c *C) string {
			switch p, d := *percent(c), *duration(c); {
			case p != 0:
				return strconv.FormatFloat(p, 'f', -1, 64) + "%"
			case d == 0:
				return "0"
			default:
				return formatDuration(d)
			}
		},
		Check: func(c *C) error {
			p, d := *percent(c), *duration(c)
			if !(p >= 0 && p <= 100) || d < 0 || p != 0 && d != 0 {
				return errPart
			}
			return nil
		},
	}
}

// List is some texts, separated by commas.
func List[C any](key string, field func(*C) *[]string, doc string) Row[C] {
	return Row[C]{
		Key: key, Doc: doc,
		Parse: func(c *C, v string) error {
			*field(c) = nil
			for text := range strings.SplitSeq(v, ",") {
				if text = strings.TrimSpace(text); text != "" {
					*field(c) = append(*field(c), text)
				}
			}
			return nil
		},
		Format: func(c *C) string { return strings.Join(*field(c), ",") },
	}
}
