package pooledtest

import "testing"

func TestFactsOf(t *testing.T) {
	for _, tt := range []struct{ says, name, version, isolation string }{
		{"9.7.4-2", "MySQL", "9.7.4", "transaction_isolation"},
		{"8.0.36", "MySQL", "8.0.36", "transaction_isolation"},
		{"10.11.6-MariaDB-0+deb12u1", "MariaDB", "10.11.6", "tx_isolation"},
		{"11.0.4-MariaDB", "MariaDB", "11.0.4", "tx_isolation"},
		{"11.8.9-MariaDB-4 from Debian", "MariaDB", "11.8.9", "transaction_isolation"},
		{"5.5.5-10.11.6-MariaDB-log", "MariaDB", "10.11.6", "tx_isolation"}, // as some proxies have it
	} {
		f := factsOf(tt.says)
		if f.Name != tt.name || f.Version != tt.version || f.Isolation != tt.isolation {
			t.Errorf("%s: have %s %s with %s, want %s %s with %s", tt.says, f.Name, f.Version, f.Isolation,
				tt.name, tt.version, tt.isolation)
		}
	}
}
