package debug

import (
	"errors"
	"fmt"
	"html"
	"net/http"
	"strconv"
	"strings"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/visible"
)

// formLimit bounds the body of a POST.
const formLimit = 4 << 10

// errByHand is the cause that hooks, log and journal are given.
var errByHand = errors.New("by hand, on the debug page")

// act does what a button says: action=dispose with pool, or action=invalidate with pool and conn.
func (h Handler) act(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, formLimit)
	if err := r.ParseForm(); err != nil {
		refuse(w, r, http.StatusBadRequest, err)
		return
	}
	if err := checkForm(r); err != nil {
		refuse(w, r, http.StatusForbidden, err)
		return
	}
	if status, err := perform(r.PostForm.Get("action"), r.PostForm.Get("pool"), r.PostForm.Get("conn")); err != nil {
		refuse(w, r, status, err)
		return
	}
	// Back to where the form was. Not by http.Redirect, which would make a path of it, and http.StripPrefix has
	// changed that.
	w.Header().Set("Location", "?"+r.URL.Query().Encode())
	w.WriteHeader(http.StatusSeeOther)
}

func refuse(w http.ResponseWriter, r *http.Request, status int, err error) {
	fail(w, r, status, "pooled: change a pool: "+err.Error())
}

// fail says what went wrong: to a browser that shows it as a page with a way back, to scripts and programs as text.
func fail(w http.ResponseWriter, r *http.Request, status int, text string) {
	text = visible.Text(text)
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.Error(w, text, status)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<!doctype html>\n<html lang=\"en\"><title>Connection pools</title>\n<p>%s</p>\n"+
		"<p><a href=\"?\">All pools</a></p>\n", html.EscapeString(text))
}

// perform returns the status that fits its error.
func perform(action, poolNumber, connID string) (status int, err error) {
	pool := findPool(poolNumber)
	if pool == nil {
		return http.StatusNotFound, fmt.Errorf("no open pool has number %q", poolNumber)
	}
	switch action {
	case "dispose":
		pool.Dispose()
	case "invalidate":
		id, err := strconv.ParseUint(connID, 10, 64)
		if err != nil {
			return http.StatusBadRequest, fmt.Errorf("connection %q: want a number", connID)
		}
		if !pool.InvalidateConn(id, errByHand) {
			return http.StatusNotFound, fmt.Errorf("pool %s has no server connection %d any more", poolNumber, id)
		}
	default:
		return http.StatusBadRequest, fmt.Errorf("action %q: want dispose or invalidate", action)
	}
	return http.StatusSeeOther, nil
}

func findPool(number string) *pooled.Pool {
	for _, p := range pooled.Pools() {
		if strconv.Itoa(p.Number()) == number {
			return p
		}
	}
	return nil
}
