// Package clitest has terminals for the tests of commands: what is written to one can be read as it is shown, and keys
// can be pressed.
package clitest
