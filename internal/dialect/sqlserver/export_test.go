package sqlserver

// SetDialer is what a connector of go-mssqldb's is prepared by.
var SetDialer = setDialer
