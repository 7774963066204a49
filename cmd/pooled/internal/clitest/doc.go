// Package clitest runs commands for their tests, and provides terminals: a test can read what is shown, and press keys.
package clitest
