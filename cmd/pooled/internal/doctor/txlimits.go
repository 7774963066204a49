package doctor

import (
	"fmt"
	"strings"
	"time"
)

// txLimit is how long the server lets a transaction be open, or wait for its program, before it ends the session.
type txLimit struct {
	name  string
	after time.Duration
	idle  bool
}

func (l txLimit) String() string {
	if l.idle {
		return fmt.Sprintf("waits for the program for longer than %v (%s)", l.after, l.name)
	}
	return fmt.Sprintf("is open for longer than %v (%s)", l.after, l.name)
}

// txLimit notes a limit; one of 0 is none.
func (x *exam) txLimit(name string, after time.Duration, idle bool) allowance {
	if after > 0 {
		x.txLimits = append(x.txLimits, txLimit{name, after, idle})
	}
	return ofTime(name, after)
}

// judgeTxLimits is about the server that ends the sessions of transactions. The pool can't prevent that. It matters to
// pool_leak_after, which is to report the code that forgot a transaction while that is there.
func (x *exam) judgeTxLimits() {
	if len(x.txLimits) == 0 {
		x.report.add("transaction-limit", levelOK, "the server does not end transactions that are open for long", "")
		return
	}
	var all []string
	first := x.txLimits[0]
	for _, l := range x.txLimits {
		all = append(all, l.String())
		if l.after < first.after {
			first = l
		}
	}
	text := "the server ends the session of a transaction that " + strings.Join(all, ", or that ")
	if leak := x.cfg.LeakAfter; leak >= first.after {
		x.report.add("transaction-limit", levelWarning, fmt.Sprintf("%s: pool_leak_after=%v reports the code that "+
			"holds it only after that", text, leak),
			fmt.Sprintf("pool_leak_after of less than %v, or a higher %s", first.after, first.name))
		return
	}
	text += "; it is rolled back, and its next statement or Commit gets an error"
	x.report.add("transaction-limit", levelOK, text, "")
}
