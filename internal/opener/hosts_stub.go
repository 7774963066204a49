package opener

import "database/sql/driver"

// Host is one.
type Host struct {
	Name      string
	Lookup    bool
	DSN       string
	Connector driver.Connector
}

// Hosts are all.
func (d *Driver) Hosts() []Host {
	return []Host{{Name: d.Dialect.Name, DSN: d.DSN, Connector: d.connector}}
}
