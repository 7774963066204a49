package dsn

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/pooled-go/pooled/internal/spelling"
	"github.com/pooled-go/pooled/internal/visible"
)

// Scrub returns an error to show in the place of a driver's own about its DSN: one line, without any part of a secret
// of that DSN. It does not wrap the driver's error. If the text might hold part of a secret, it is left out.
func Scrub(err error, dsn string) error {
	if err == nil {
		return nil
	}
	text := strings.TrimPrefix(visible.Line(strings.Join(strings.Fields(err.Error()), " ")), "pooled: ")
	if Leaks(text, dsn) {
		text = "the driver refuses its DSN; its message is left out, since part of a secret might be in it: percent-encode " +
			"reserved characters, or use the driver alone to see the message"
	}
	return errors.New("pooled: " + text)
}

// Leaks reports whether a text may show part of a secret.
func Leaks(text, dsn string) bool {
	spans, understood := secretSpans(dsn)
	secrets := []string{dsn}
	if understood {
		secrets = nil
		for _, s := range spans {
			secrets = append(secrets, variants(dsn[s.start:s.end])...)
		}
	}
	if strings.Contains(text, "://") {
		return true // net/url shows all of it
	}
	for _, s := range secrets {
		if sharesPiece(text, s) || sharesQuoted(text, s) || sharesSpelling(text, s) {
			return true
		}
	}
	return false
}

// variants returns a secret as it is written and as a driver may have decoded it.
func variants(secret string) []string {
	list := []string{secret, strings.Trim(strconv.Quote(secret), `"`)}
	if d, err := url.QueryUnescape(secret); err == nil {
		list = append(list, d)
	}
	if d, err := url.PathUnescape(secret); err == nil {
		list = append(list, d)
	}
	if secret != "" {
		if d, _, ok := scanKVValue(secret, 0, func(rune) bool { return false }); ok {
			list = append(list, d)
		}
	}
	return list
}

// sharesPiece reports whether text holds a piece of secret that is too long to be there by chance.
func sharesPiece(text, secret string) bool {
	const chance = 3
	text, secret = strings.ToLower(text), strings.ToLower(secret)
	for i := range len(secret) - chance {
		if strings.Contains(text, secret[i:i+chance+1]) {
			return true
		}
	}
	return false
}

// sharesSpelling reports whether text holds a secret in another spelling, which may have no piece in common with it.
func sharesSpelling(text, secret string) bool {
	for i := range len(text) {
		if len(secret) >= leastSecret && spelling.Length(text[i:], secret) > 0 {
			return true
		}
	}
	return false
}

// sharesQuoted reports whether text holds a secret as a word of its own, or any piece of one, however short, in quotes.
func sharesQuoted(text, secret string) bool {
	words := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \"'`:,;()=", r) })
	if slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, secret) }) {
		return true
	}
	for _, quote := range []string{`"`, "'", "`"} {
		parts := strings.Split(text, quote)
		for _, part := range parts[1:max(len(parts)-1, 1)] {
			if part != "" && strings.Contains(secret, part) {
				return true
			}
		}
	}
	return false
}
