package sqltext

// Verdict is what a text may leave behind.
type Verdict struct {
	Leaves      Effect
	Touches     bool // the session may be changed
	Invalidates Unsettling
}

// Judge tells what a text may leave behind. What is not asked for is not looked at.
func Judge(d Kind, q string, session, statements bool) Verdict {
	v := Verdict{Leaves: Classify(d, q), Touches: session && TouchesSession(d, q)}
	if statements {
		v.Invalidates = Unsettles(d, q)
	}
	return v
}

// WorstVerdict is the verdict on what cannot be seen.
func WorstVerdict(d Kind) Verdict { return Verdict{d.Worst(), true, UnsettledForAll} }
