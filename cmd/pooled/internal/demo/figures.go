package demo

import "github.com/pooled-go/pooled/cmd/pooled/internal/cli"

// figures are the JSON: docs/cli.md has the fields. Of each scenario there are two, of the bare driver and of pooled.
type figures struct {
	Version  int      `json:"version"`
	DSN      string   `json:"dsn"` // without its password
	From     cli.From `json:"dsn_from"`
	Driver   string   `json:"driver"`
	Duration float64  `json:"duration_ms"`

	Shared    []sharedFigures    `json:"shared"`
	Forgotten []forgottenFigures `json:"forgotten"`
	Limit     []limitFigures     `json:"limit"`
	Burst     []burstFigures     `json:"burst"`

	Kept   bool     `json:"promises_kept"`
	Broken []string `json:"promises_broken"`
}

type sharedFigures struct {
	Subject     string  `json:"subject"`
	Operations  int     `json:"operations"`
	Failed      int     `json:"failed"`
	FirstError  string  `json:"first_error"`
	Rows        *int    `json:"rows"` // nil: they could not be counted
	Connections int     `json:"connections"`
	Duration    float64 `json:"duration_ms"`
}

type forgottenFigures struct {
	Subject    string `json:"subject"`
	StrayRows  int    `json:"stray_rows"`
	BeginError string `json:"begin_error"`
	KeptRows   int    `json:"kept_rows"`
}

type limitFigures struct {
	Subject   string  `json:"subject"`
	Waited    float64 `json:"waited_ms"`
	Error     string  `json:"error"`
	IsTimeout bool    `json:"is_timeout_error"`
	Returned  string  `json:"error_after_return"`
}

type burstFigures struct {
	Subject    string  `json:"subject"`
	Goroutines int     `json:"goroutines"`
	Queries    int     `json:"queries"`
	Failed     int     `json:"failed"`
	FirstError string  `json:"first_error"`
	Opened     int     `json:"opened"`
	OpenedMore int     `json:"opened_more"`
	Duration   float64 `json:"duration_ms"`
}

// textOf is an error in one line, or empty.
func textOf(err error) string {
	if err == nil {
		return ""
	}
	return cli.Outcome(err)
}
