package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"time"

	"github.com/pooled-go/pooled/internal/visible"
)

// WriteJSON writes a document for people and programs. Nothing in it does anything to a terminal.
func WriteJSON(w io.Writer, document any) error { return writeJSON(w, document, "  ") }

// WriteJSONLine writes a document on one line.
func WriteJSONLine(w io.Writer, document any) error { return writeJSON(w, document, "") }

func writeJSON(w io.Writer, document any, indent string) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(document); err != nil {
		return err
	}
	_, err := w.Write(visible.JSON(b.Bytes()))
	return err
}

// Milliseconds keeps three decimals: more are noise.
func Milliseconds(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
}
