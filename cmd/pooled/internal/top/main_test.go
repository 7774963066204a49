package top

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pooled-go/pooled/cmd/pooled/internal/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m) }

func runCommand(t *testing.T, args ...string) (code int, stdout, stderr string) {
	return clitest.Output(t.Context(), Command(), args...)
}

func runWith(ctx context.Context, out, errs io.Writer, args ...string) (code int) {
	return clitest.Run(ctx, out, errs, Command(), args...)
}

// program is a running one, whose page the test decides on.
type program struct {
	*httptest.Server
	answer atomic.Pointer[http.HandlerFunc]
	looks  atomic.Int64
}

func newProgram(t *testing.T, answer http.HandlerFunc) *program {
	t.Helper()
	p := &program{}
	p.answers(answer)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.looks.Add(1)
		(*p.answer.Load())(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *program) answers(answer http.HandlerFunc) { p.answer.Store(&answer) }

// says is an answer in JSON.
func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, text)
	}
}

// lines calls for each line that is written to it.
type lines struct {
	text bytes.Buffer
	each func(line string)
}

func (l *lines) Write(b []byte) (int, error) {
	l.text.Write(b)
	for strings.Contains(l.text.String(), "\n") {
		line, _ := l.text.ReadString('\n')
		l.each(strings.TrimSuffix(line, "\n"))
	}
	return len(b), nil
}
