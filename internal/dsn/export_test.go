package dsn

// NativeOptions are the keys of options in a DSN as its driver reads it, for drivers whose DSNs can be read.
func NativeOptions(driver, dsn string) (keys []string) {
	fam := families[driver]
	if fam == otherFamily {
		return nil
	}
	l, _ := nativeSyntax(fam, driver, dsn).scan(dsn)
	for _, p := range l.params {
		if isOption(p) {
			keys = append(keys, p.key)
		}
	}
	return keys
}
