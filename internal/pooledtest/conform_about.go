package pooledtest

// About is what an operation of Conform's is about: what a wrapper has to do right for it. It can be several.
type About uint8

// What operations are about.
const (
	Arguments    About = 1 << iota // each set of arguments, in every way to pass it
	Statements                     // statements and their results, errors and contexts, with arguments of each kind
	Transactions                   // how they begin and end
	Connecting                     // how connections are opened and pinged
	Connections                    // how they are lost and given back, and what becomes of what is prepared on them

	Everything = Arguments | Statements | Transactions | Connecting | Connections
)

// ownArgs is what only those drivers have that convert arguments in a way of their own.
const ownArgs = HasConnChecker | HasStmtChecker | HasColumnConverter

// concerns reports whether op could be another for p than it is for Full, SkipQueries or Minimal, which perform all.
// A driver's own way with arguments is asked for by what passes some. How a driver begins, pings and takes back has no
// part in what becomes of them.
func (p Profile) concerns(op conformOp) bool {
	has := p.Features()
	switch p.Name {
	case NoValidator.Name, NoResetter.Name, NoBeginTx.Name, NoPinger.Name:
		return op.about != Arguments
	}
	return op.args || has&ownArgs == 0
}

// about returns ops, each of which is about what is said here, too.
func about(what About, ops ...conformOp) []conformOp {
	for i := range ops {
		ops[i].about |= what
	}
	return ops
}
