package pooled

import "fmt"

// What tests of classify need to name.
type (
	Effect      = effect
	DialectKind = dialectKind
)

const (
	EffectNone = effectNone
	EffectTx   = effectTx
	EffectAny  = effectAny

	DialectUnknown   = dialectUnknown
	DialectMySQL     = dialectMySQL
	DialectPostgres  = dialectPostgres
	DialectSQLite    = dialectSQLite
	DialectSQLServer = dialectSQLServer
)

// Classify is classify.
func Classify(d DialectKind, query string) Effect { return classify(d, query) }

func (e effect) String() string {
	if names := []string{"none", "tx", "any"}; int(e) < len(names) {
		return names[e]
	}
	return fmt.Sprintf("effect(%d)", uint8(e))
}
