package pooled

// Internals of the DSN and the options for the tests in package pooled_test.

func ValidateConfig(c Config) error { return c.validate() }

func CloneConfig(c Config) Config { return c.clone() }

// ParentAmong is Config.parent for a program in which these drivers are registered.
func ParentAmong(c Config, registered ...string) (driver, dsn string, err error) {
	return c.parentAmong(registered)
}

func ParentOf(c Config) (driver, dsn string, err error) { return c.parent() }

var (
	Scrub    = scrub
	Mask     = mask
	IsOption = isOption
)

// OurKeys returns the keys in a DSN that are ours, as its driver reads it, or if that is empty, as ParseDSN does.
func OurKeys(driver, dsn string) []string {
	l, _ := nativeSyntax(families[driver], driver, dsn).scan(dsn)
	if driver == "" {
		f, err := tellForm(dsn)
		if err != nil {
			return nil
		}
		l = f.layout
	}
	var keys []string
	for _, p := range l.params {
		if isOption(p.key) {
			keys = append(keys, p.key)
		}
	}
	return keys
}

// IsKnownDriver reports whether the driver's DSNs can be read.
func IsKnownDriver(driver string) bool { return families[driver] != otherFamily }
