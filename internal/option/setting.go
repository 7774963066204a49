package option

// Setting is one option in effect, and who set it.
type Setting struct{ Key, Value, Origin string }

// Origins of a value.
const (
	OriginDefault = "default"
	OriginDSN     = "DSN"
	OriginProgram = "program"
	OriginPool    = "pool" // it fits the value that was asked for to the wrapped driver
)

// Settings are the options of a class, in the order of the table. effective holds the values that are in effect, and
// asked those that the origin named by set has asked for.
func (t Table[C]) Settings(effective, asked *C, class, set string) []Setting {
	var list []Setting
	for _, o := range t {
		if !o.AppliesTo(class) {
			continue
		}
		s := Setting{Key: o.Key, Value: o.Format(effective), Origin: set}
		switch s.Value {
		case o.Default:
			s.Origin = OriginDefault
		case o.Format(asked):
		default:
			s.Origin = OriginPool
		}
		list = append(list, s)
	}
	return list
}
