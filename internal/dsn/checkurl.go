package dsn

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// checkURL refuses a URL that its driver's net/url would refuse, since its own error shows the URL, password included.
// It also refuses one whose host can be none, or would be the user, because a password was not encoded.
func (f Form) checkURL(dsn string) error {
	if f.family != postgresFamily && f.family != sqlserverFamily || f.syntax != urlSyntax && f.syntax != libpqURLSyntax {
		return nil
	}
	_, rest, _ := cutScheme(dsn)
	if f.syntax == libpqURLSyntax {
		if i := strings.IndexAny(rest, "@/"); i >= 0 && rest[i] == '@' {
			rest = rest[i:] // whatever the user and the password hold
		}
	} else if !f.parses(dsn) {
		return fmt.Errorf("pooled: the URL does not parse: %s", urlMistake(rest))
	}
	switch hosts := hostsOf(rest); {
	case isLoginHost(rest):
		return errors.New("pooled: the user would be taken as the host: " + encodeReserved)
	case isBareIPv6(hosts):
		return errors.New("pooled: " + writeIPv6)
	case hasBadPort(hosts):
		return errors.New("pooled: " + writePort)
	}
	return nil
}

// parses reports whether net/url can read a URL, or each of those that are made of a list of hosts.
func (f Form) parses(dsn string) bool {
	start, end := hostsAt(urlSyntax, dsn)
	hosts := []string{dsn[start:end]}
	if f.family == postgresFamily {
		hosts = strings.Split(hosts[0], ",")
	}
	return !slices.ContainsFunc(hosts, func(host string) bool {
		_, err := url.Parse(dsn[:start] + host + dsn[end:])
		return err != nil
	})
}

// urlMistake says what is wrong behind the scheme of a URL that does not parse.
func urlMistake(rest string) string {
	switch {
	case isTemplate(rest):
		return writePlaceholder
	case strings.ContainsFunc(rest, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }):
		return "there is white space in it: remove it, or write %20 for a space that belongs to the password"
	case hasStrayPercent(rest):
		return encodePercent
	case isBareIPv6(hostsOf(rest[strings.LastIndexByte(rest, '@')+1:])):
		return writeIPv6
	case hasWordAsPort(rest):
		return writePort
	}
	return encodeReserved
}

// hostsOf is the part of a URL that names a server, or several, with their ports.
func hostsOf(rest string) string {
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	return rest[strings.LastIndexByte(rest, '@')+1:]
}

func isBareIPv6(hosts string) bool {
	return strings.Count(hosts, ":") > 1 && !strings.ContainsAny(hosts, ",[") ||
		strings.Count(hosts, "[") > strings.Count(hosts, "]")
}

// hasBadPort reports a port that is too large a number. What is no number, url.Parse refuses.
func hasBadPort(hosts string) bool {
	return slices.ContainsFunc(strings.Split(hosts, ","), func(host string) bool {
		n, err := strconv.Atoi(strings.TrimPrefix(host[len(withoutPort(host)):], ":"))
		return err == nil && n > 65535 || errors.Is(err, strconv.ErrRange)
	})
}

// hasWordAsPort reports a port that is no number, behind a host that is clearly one.
func hasWordAsPort(rest string) bool {
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	host := hostsOf(rest)
	port := host[len(withoutPort(host)):]
	return strings.Count(rest, "@") == 1 && strings.Trim(port, ":abcdefghijklmnopqrstuvwxyz") == "" && port != ""
}

// What to write in a URL, for the ends of errors.
const (
	inPassword       = "%2F for /, %3F for ?, %23 for # and %40 for @ in the password"
	encodeReserved   = "percent-encode the user and the password: write %2F for /, %3F for ?, %23 for #, %40 for @"
	encodePercent    = "a % is not followed by two hexadecimal digits: write %25 for a literal %"
	writePlaceholder = "a placeholder is left in it: write the value in its place, percent-encoded"
	writePort        = "a port must be a number from 1 to 65535: write host:5432"
	writeIPv6        = "an IPv6 address is written in brackets: write [::1]:5432"
)

// isTemplate reports a text with a placeholder for a value, such as ${PASSWORD}, <password> or {{ .password }}.
func isTemplate(text string) bool {
	const placeholder = `\$\{\w+\}|\$\(\w+\)|<[\w -]+>|\{\{.*\}\}|\[[A-Za-z]+[ _-]?PASSWORD\]`
	return regexp.MustCompile(placeholder).MatchString(text)
}

func hasStrayPercent(text string) bool {
	for i := range len(text) {
		if text[i] == '%' && (i+2 >= len(text) || !isHex(text[i+1]) || !isHex(text[i+2])) {
			return true
		}
	}
	return false
}

// isLoginHost reports a URL without a user before its host, where the @ comes later, behind a /, ? or # that was
// probably part of a password.
func isLoginHost(rest string) bool {
	end := strings.IndexAny(rest, "/?#")
	if end < 0 || strings.Contains(rest[:end], "@") {
		return false
	}
	before, fragment, _ := strings.Cut(rest[end:], "#")
	path, query, _ := strings.Cut(before, "?")
	_, behind, hasAt := strings.Cut(path, "@")
	key := func(word string) bool { return strings.Contains(word, "@") && !strings.Contains(word, "=") }
	return hasAt && strings.Contains(behind, "/") || strings.Contains(fragment, "@") ||
		slices.ContainsFunc(strings.Split(query, "&"), key)
}
