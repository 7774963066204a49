package main

import (
	"reflect"
	"testing"
)

// What is called counts; what is only imported, or in a module that is required, does not.
func TestAddFindings(t *testing.T) {
	const out = `{"config":{"protocol_version":"v1.0.0"}}
{"finding":{"osv":"GO-1","fixed_version":"v1.2.3","trace":[{"module":"example.com/a","version":"v1.2.2"}]}}
{"finding":{"osv":"GO-1","fixed_version":"v1.2.3","trace":[
	{"module":"example.com/a","version":"v1.2.2","package":"example.com/a/b"}]}}
{"finding":{"osv":"GO-1","fixed_version":"v1.2.3","trace":[
	{"module":"example.com/a","version":"v1.2.2","package":"example.com/a/b","function":"Parse"},
	{"module":"github.com/pooled-go/pooled","package":"github.com/pooled-go/pooled","function":"Open"}]}}
{"finding":{"osv":"GO-2","fixed_version":"v1.26.9","trace":[
	{"module":"stdlib","version":"v1.26.8","package":"net/http","function":"Serve"}]}}
`
	inModules, inGo := map[string]bool{}, map[string]bool{}
	if err := addFindings(out, inModules, inGo); err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{"GO-1 in example.com/a/b, mended in v1.2.3 of example.com/a": true}
	if !reflect.DeepEqual(inModules, want) {
		t.Errorf("modules: have %v, want %v", inModules, want)
	}
	want = map[string]bool{"GO-2 in net/http, mended in v1.26.9": true}
	if !reflect.DeepEqual(inGo, want) {
		t.Errorf("Go: have %v, want %v", inGo, want)
	}
	if err := addFindings("{", inModules, inGo); err == nil {
		t.Error("have no error for broken JSON, want one")
	}
}
