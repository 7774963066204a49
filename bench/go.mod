module github.com/pooled-go/pooled/bench

go 1.26.0

require (
	github.com/go-sql-driver/mysql v1.10.1
	github.com/ngrok/sqlmw v0.0.0-20220520173518-97c9c04efc79
	github.com/pooled-go/pooled v0.0.0
)

require (
	filippo.io/edwards25519 v1.2.0 // indirect
	github.com/lib/pq v1.12.3 // indirect
	go.uber.org/goleak v1.3.0 // indirect
)

replace github.com/pooled-go/pooled => ../
