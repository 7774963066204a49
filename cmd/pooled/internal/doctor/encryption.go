package doctor

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"
)

// encryption is what protects the way to the server.
type encryption struct {
	hosts     []string
	encrypted bool
	checked   bool   // the server's certificate is, so that nobody else can answer in its place
	anyHost   bool   // but not the host name in it
	fallback  bool   // without an error, the connection may be without TLS
	mode      string // the DSN's own words for it; empty: it has none
	change    string // how to have it checked
	off       string // how to have none
}

// ofPostgres is what lib/pq makes of a DSN.
func ofPostgres(ctx context.Context, conn *sql.Conn, cfg pq.Config, dsn string) (encryption, error) {
	e := encryption{
		hosts: []string{hostOr(cfg.Host, cfg.Hostaddr)}, encrypted: cfg.SSLMode != pq.SSLModeDisable,
		change: "sslmode=verify-full, with the certificate authority in sslrootcert", off: "sslmode=disable",
	}
	for _, more := range cfg.Multi {
		e.hosts = append(e.hosts, hostOr(more.Host, more.Hostaddr))
	}
	if namesSSLMode.MatchString(dsn) {
		e.mode = "sslmode=" + string(cfg.SSLMode)
	}
	switch cfg.SSLMode {
	case pq.SSLModePrefer, pq.SSLModeAllow: // also with an authority: if the check fails, prefer connects without TLS
		e.fallback = true
		used, err := one(ctx, conn, "SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_catalog.pg_backend_pid()")
		if err != nil {
			return e, err
		}
		e.encrypted = used == "true"
	case pq.SSLModeRequire, "":
		e.checked, e.anyHost = hasRoot(cfg), true
	default:
		e.checked, e.anyHost = true, cfg.SSLMode == pq.SSLModeVerifyCA
	}
	return e, nil
}

var namesSSLMode = regexp.MustCompile(`(?:^|[?&\s])sslmode\s*=`)

// hasRoot: with a certificate authority, lib/pq takes require for verify-ca.
func hasRoot(cfg pq.Config) bool {
	file := cfg.SSLRootCert
	if cfg.SSLInline {
		return file != ""
	}
	if home, err := os.UserHomeDir(); file == "" && err == nil {
		file = filepath.Join(home, ".postgresql", "root.crt")
	}
	_, err := os.Stat(file)
	return err == nil
}

// ofMySQL is what go-sql-driver makes of a DSN.
func ofMySQL(ctx context.Context, conn *sql.Conn, cfg *mysql.Config) (encryption, error) {
	e := encryption{hosts: []string{cfg.Addr}, change: "tls=true, with the certificate authority among those of the " +
		"system (SSL_CERT_FILE), or a configuration of your own (mysql.RegisterTLSConfig)", off: "tls=false"}
	if host, _, err := net.SplitHostPort(cfg.Addr); err == nil {
		e.hosts[0] = host
	}
	if cfg.TLSConfig != "" {
		e.mode = "tls=" + cfg.TLSConfig
	}
	if cfg.TLS != nil {
		e.fallback = cfg.AllowFallbackToPlaintext
		if e.fallback && cfg.TLSConfig != "preferred" {
			e.mode += ", allowFallbackToPlaintext=true"
			e.change = "allowFallbackToPlaintext=false; and " + e.change
		}
		e.checked = !cfg.TLS.InsecureSkipVerify || cfg.TLS.VerifyConnection != nil || cfg.TLS.VerifyPeerCertificate != nil
	}
	cipher, err := row(ctx, conn, "SHOW SESSION STATUS LIKE 'Ssl_cipher'")
	e.encrypted = len(cipher) == 2 && cipher[1] != ""
	return e, err
}

// way notes how the server is reached, and judges that.
func (x *exam) way(e encryption) {
	x.near = !slices.ContainsFunc(e.hosts, func(host string) bool { return !local(host) })
	x.judgeTLS(e)
}

// judgeTLS is about the way to the server: who can listen on it, and who can answer in the server's place.
func (x *exam) judgeTLS(e encryption) {
	away, mode := "", e.mode
	for _, host := range e.hosts {
		if !local(host) {
			away = x.secrets.mask(host)
		}
	}
	if mode != "" {
		mode = " (" + mode + ")"
	}
	weak := e.weaknesses()
	switch {
	case e.encrypted && weak == "" && e.anyHost:
		x.report.add("tls", levelOK, "TLS, and the server's certificate is checked, but not the host name in it"+mode, "")
	case e.encrypted && weak == "":
		x.report.add("tls", levelOK, "TLS, and the server's certificate is checked"+mode, "")
	case e.encrypted && away != "":
		x.report.add("tls", levelWarning, fmt.Sprintf("TLS, but %s%s: whoever gets between this machine and %s can answer "+
			"in its place, and read and change everything", weak, mode, away), e.change)
	case e.encrypted && mode != "":
		x.report.add("tls", levelWarning, fmt.Sprintf("TLS, but %s%s: that costs a handshake for each connection, and "+
			"anyone can answer in the server's place", weak, mode),
			e.change+"; or "+e.off+" if the server is on this machine: the connection does not leave it")
	case away == "":
		x.report.add("tls", levelOK, "the connection does not leave this machine, and needs no TLS", "")
	default:
		x.report.add("tls", levelWarning, fmt.Sprintf("no TLS on the connection to %s: anyone on the network in "+
			"between can read and change everything", away), e.change)
	}
}

// weaknesses say what TLS lets pass, empty if it lets nothing pass.
func (e encryption) weaknesses() string {
	var all []string
	if !e.checked {
		all = append(all, "the server's certificate is not checked")
	}
	if e.fallback {
		all = append(all, "the connection may fall back to no TLS")
	}
	return strings.Join(all, " and ")
}

// local tells a host that is reached without a network: a socket's path, or this machine's own address.
func local(host string) bool {
	if host == "" || host == "localhost" || host[0] == '/' || host[0] == '@' {
		return true
	}
	return net.ParseIP(host).IsLoopback()
}
