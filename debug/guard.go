package debug

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
)

// setHeaders keeps the page to itself: only its own script and style run, it is not shown in another site's frame, and
// neither kept nor guessed at.
func (h Handler) setHeaders(header http.Header) {
	header.Set("Content-Security-Policy", h.policy())
	header.Set("X-Content-Type-Options", "nosniff")
	// Not "no-referrer": with that, browsers send "Origin: null" with the page's own forms.
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
}

func (h Handler) policy() string {
	forms := "'none'"
	if h.AllowActions {
		forms = "'self'"
	}
	p := assembled()
	return strings.Join([]string{
		"default-src 'none'",
		"script-src '" + p.scriptHash + "'",
		"style-src '" + p.styleHash + "'",
		"img-src data:", // the icon
		"connect-src 'self'",
		"form-action " + forms,
		"base-uri 'none'",
		"frame-ancestors 'none'",
		// No text becomes HTML, not even by a mistake in the script.
		"require-trusted-types-for 'script'",
		"trusted-types 'none'",
	}, "; ")
}

// knowsHost reports whether the name that the browser believes to talk to is this machine's. A stranger's page can
// have a name of its own lead here, and is then of the same origin as this page; but it cannot have localhost, an IP
// address, or a name of the program's.
func (h Handler) knowsHost(r *http.Request) bool {
	name := hostname(r.Host)
	if _, err := netip.ParseAddr(name); err == nil || name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	if slices.ContainsFunc(h.Hosts, func(known string) bool { return strings.EqualFold(known, name) }) {
		return true
	}
	return len(h.Hosts) == 0 && r.Method != http.MethodPost && !onLoopback(r)
}

// hostname is the host of a Host header, in lower case, without port and brackets.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// onLoopback reports whether the listener is one that only this machine reaches.
func onLoopback(r *http.Request) bool {
	at, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && at.IP.IsLoopback()
}

// token is in each form of the page and must come back with it. Browsers that say where a request comes from need
// none; this is for those that do not. It is new in each process.
var token = sync.OnceValue(rand.Text)

var crossOrigin http.CrossOriginProtection

var errToken = errors.New("the page was loaded from another process, or before a restart: reload it")

// checkForm refuses a POST that the page itself did not send.
func checkForm(r *http.Request) error {
	if err := crossOrigin.Check(r); err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(r.PostForm.Get("token")), []byte(token())) != 1 {
		return errToken
	}
	return nil
}
