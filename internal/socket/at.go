package socket

import (
	"context"
	"strings"
)

type atKey struct{}

// At makes a context under which [Dial], [DialCounted] and [DialOne] dial an address, ip:port, in place of the one that
// they are given. It holds for TCP only. Whom the driver expects there, such as the name in a certificate, stays as it
// is. With an empty address nothing changes.
func At(ctx context.Context, address string) context.Context {
	if address == "" {
		return ctx
	}
	return context.WithValue(ctx, atKey{}, address)
}

// Placed is the address of [At], empty: there is none.
func Placed(ctx context.Context) string {
	at, _ := ctx.Value(atKey{}).(string)
	return at
}

// placed is the address to dial in place of another one.
func placed(ctx context.Context, network, address string) string {
	if at := Placed(ctx); at != "" && strings.HasPrefix(network, "tcp") {
		return at
	}
	return address
}
