// Package cluster starts servers of a test's own, which the test may crash, stop, freeze, promote and demote:
// PostgreSQL with standbys, MariaDB or MySQL with replicas, Galera, HAProxy before them, and a DNS server.
//
// Each listens on a loopback address of its own, and all on the same port, so that a name may change its address from
// one to the other. They use the programs that scripts/with-servers has found; without those the test is skipped. With
// the test, its servers and their files are gone, also if the process of the test is killed: the kernel ends the
// servers, and scripts/with-servers deletes the files. Linux only.
//
// A method that fails ends the test, so tests call them on their own goroutine, and those of one server one after
// another.
package cluster
