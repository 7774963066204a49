// Package clitest provides terminals for tests of commands: a test can read what is shown, and press keys.
package clitest
