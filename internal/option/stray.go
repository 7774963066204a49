package option

import (
	"fmt"
	"slices"
	"strings"
)

// certain are names of options that are known without pool_, too, from other pools, and that no driver and no server
// knows. Most names of elsewhere are not among them: MySQL knows max_connections, and size may be anything.
var certain = strings.Fields("maxconns maxoverflow maxpoolsize maximumpoolsize maxopenconns maxopenconnections " +
	"maxidleconns maxidleconnections minconns minpoolsize minimumpoolsize minimumidle connmaxlifetime connmaxidletime " +
	"maxlifetime preping testonborrow resetonreturn uselifo leakdetectionthreshold connectioninitsql")

// hikari are other names of HikariCP's. They are certain only as HikariCP and Spring write them, readOnly or read-only:
// with underscores, some are variables of a server, such as MySQL's read_only.
var hikari = strings.Fields("connectiontimeout idletimeout keepalivetime validationtimeout readonly " +
	"transactionisolation connectiontestquery initializationfailtimeout registermbeans allowpoolsuspension " +
	"isolateinternalqueries cacheprepstmts prepstmtcachesize")

// Stray is the error for a key which is written in a way that would take it to the driver: poolSize, pool-size,
// max_overflow. It is nil for a key that may be the driver's own.
func (t Table[C]) Stray(key string) error {
	written := strings.ReplaceAll(strings.ToLower(key), "-", "")
	written, isHikari := strings.CutPrefix(strings.TrimPrefix(written, "spring.datasource."), "hikari.")
	name := fold(written)
	isCertain := slices.Contains(certain, name) && !strings.Contains(written, ".") // PostgreSQL's extensions have dots
	if isHikari || isCertain || slices.Contains(hikari, written) {
		name = "pool" + name
	}
	option := t.written(name)
	if rest, ok := strings.CutPrefix(name, "pool"); ok && option == "" {
		if instead, ok := without[rest]; ok {
			return errWithout(key, instead)
		}
		option, _ = t.meant(rest)
	}
	if option == "" {
		return nil
	}
	return fmt.Errorf("pooled: unknown key %s: did you mean %s?", key, option)
}

// fold is a name in lower case, without what stands between its words.
func fold(name string) string {
	return strings.NewReplacer("_", "", "-", "", ".", "").Replace(strings.ToLower(name))
}

// written is the key or alias with a folded name, or nothing.
func (t Table[C]) written(name string) string {
	for _, r := range t {
		for _, known := range r.names() {
			if fold(known) == name {
				return known
			}
		}
	}
	return ""
}
