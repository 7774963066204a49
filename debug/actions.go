package debug

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/pooled-go/pooled"
)

// formLimit bounds the body of a POST.
const formLimit = 4 << 10

// errByHand is the cause that hooks, log and journal are given.
var errByHand = errors.New("by hand, on the debug page")

// act does what a button says: action=dispose with pool, or action=invalidate with pool and conn.
func (h Handler) act(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, formLimit)
	if err := r.ParseForm(); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	if err := checkForm(r); err != nil {
		refuse(w, http.StatusForbidden, err)
		return
	}
	if status, err := perform(r.PostForm.Get("action"), r.PostForm.Get("pool"), r.PostForm.Get("conn")); err != nil {
		refuse(w, status, err)
		return
	}
	// Back to where the form was. Not by http.Redirect, which would make a path of it, and http.StripPrefix has changed that.
	w.Header().Set("Location", "?"+r.URL.Query().Encode())
	w.WriteHeader(http.StatusSeeOther)
}

func refuse(w http.ResponseWriter, status int, err error) {
	http.Error(w, "pooled: change a pool: "+err.Error(), status)
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
			return http.StatusBadRequest, fmt.Errorf("conn %q: want a number", connID)
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
