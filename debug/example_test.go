package debug_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/pooled-go/pooled/debug"
)

// The page on a listener that only this machine reaches, beside pprof perhaps.
func Example() {
	mux := http.NewServeMux()
	mux.Handle("/debug/pooled/", debug.Handler{})
	server := &http.Server{Addr: "localhost:6060", Handler: mux}

	fmt.Println(server.Addr)
	// Output: localhost:6060
}

// A readiness probe of all pools of the process.
func ExampleReady() {
	mux := http.NewServeMux()
	mux.Handle("GET /readyz", debug.Ready())
	server := &http.Server{Addr: ":8080", Handler: mux}

	fmt.Println(server.Addr)
	// Output: :8080
}

// The page with buttons, behind a handler that knows who may press them.
func ExampleHandler() {
	mux := http.NewServeMux()
	mux.Handle("/admin/pooled/", onlyAdmins(debug.Handler{
		AllowActions: true,
		Hosts:        []string{"app.internal.example"},
	}))

	for _, user := range []string{"", "alice"} {
		r := httptest.NewRequest("GET", "https://app.internal.example/admin/pooled/", nil)
		r.SetBasicAuth(user, "")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Printf("%q %d\n", user, w.Code)
	}
	// Output:
	// "" 401
	// "alice" 200
}

// onlyAdmins stands for the program's own way to know its users.
func onlyAdmins(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, _, _ := r.BasicAuth(); user != "alice" {
			http.Error(w, "not for you", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// The same as JSON.
func ExampleHandler_json() {
	db, err := sql.Open(
		"pooled",
		"postgres://scott:tiger@localhost/shop?pool_name=orders&pool_size=10&pool_max_overflow=10",
	)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	server := httptest.NewServer(debug.Handler{})
	defer server.Close()

	reply, err := server.Client().Get(server.URL + "?format=json&limit=0")
	if err != nil {
		log.Fatal(err)
	}
	defer reply.Body.Close()
	var report struct {
		Pools []struct {
			Name  string
			Limit int
			InUse int `json:"in_use"`
		}
	}
	if err := json.NewDecoder(reply.Body).Decode(&report); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%+v\n", report.Pools)
	// Output: [{Name:orders Limit:20 InUse:0}]
}
