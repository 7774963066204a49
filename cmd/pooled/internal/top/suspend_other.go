//go:build !unix

package top

import "os"

// suspensions are none: no key stops a program here.
func suspensions() (pressed chan os.Signal, stop func()) { return nil, func() {} }

func suspend() {}
