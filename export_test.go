package pooled

// What tests call by name though programs can't.
type (
	Conn = pooledConn
	Stmt = pooledStmt
)
