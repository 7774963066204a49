package pooledtest

import (
	"strings"
	"testing"
)

// CheckError wants no error if want is empty, else one that holds it and keeps the promises about errors: it is one
// line that begins with the name of the module.
func CheckError(t testing.TB, what string, err error, want string) {
	t.Helper()
	switch {
	case err == nil && want != "":
		t.Errorf("%s: have no error, want %q", what, want)
	case err != nil && want == "":
		t.Errorf("%s: have %q, want no error", what, err)
	case err != nil && (!strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "pooled: ") ||
		strings.ContainsAny(err.Error(), "\r\n")):
		t.Errorf("%s: have %q, want one line that begins with %q and holds %q", what, err, "pooled: ", want)
	}
}
