//go:build !linux

package main

var outageParts []part
