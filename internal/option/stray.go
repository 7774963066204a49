package option

import (
	"slices"
	"strings"
)

// certain are names of options that are known without pool_, too, from other pools, and that no driver and no server
// knows. Most names of elsewhere are not among them: MySQL knows max_connections, and size may be anything.
var certain = strings.Fields("maxconns maxoverflow maxpoolsize maximumpoolsize maxopenconns maxopenconnections " +
	"maxidleconns maxidleconnections minconns minpoolsize minimumpoolsize minimumidle connmaxlifetime connmaxidletime " +
	"maxlifetime preping testonborrow resetonreturn uselifo leakdetectionthreshold connectioninitsql")

// Stray returns the option that was meant by a key which is written in a way that would take it to the driver: poolSize,
// pool-size, max_overflow. It returns nothing for a key that may be the driver's own.
func (t Table[C]) Stray(key string) string {
	name := strings.NewReplacer("_", "", "-", "", ".", "").Replace(strings.ToLower(key))
	if slices.Contains(certain, name) && !strings.Contains(key, ".") { // a dot is in the names of PostgreSQL's extensions
		name = "pool" + name
	}
	for _, r := range t {
		for _, known := range r.names() {
			if strings.ReplaceAll(known, "_", "") == name {
				return known
			}
		}
	}
	if rest, ok := strings.CutPrefix(name, "pool"); ok {
		option, _ := t.meant(rest)
		return option
	}
	return ""
}
