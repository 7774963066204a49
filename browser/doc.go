// Package browser tests the page of pooled/debug in a real browser, headless and on loopback only. It is a module of
// its own, so that what drives the browser is none of the library's dependencies. It needs Chromium, which make
// test-browser installs; without it the tests are skipped.
package browser
