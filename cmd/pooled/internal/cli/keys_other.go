//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package cli

import "os"

// HideKeys has nothing to do: a console of Windows shows keys only to a program that reads them.
func HideKeys(*os.File) (restore func()) { return func() {} }
