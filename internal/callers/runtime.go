//go:build !gc || purego || !(amd64 || arm64)

package callers

import "runtime"

func into(pcs []uintptr) int { return runtime.Callers(1, pcs) }
