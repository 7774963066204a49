//go:build linux

package cluster

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
)

// GaleraNode is a MariaDB server in a Galera cluster. Each node takes writes.
type GaleraNode struct {
	*MySQLServer
	provider string
	others   []*GaleraNode // those that ran when it was started first
}

// Galera starts a cluster of three nodes. One that was killed and is started again has the data of another.
func Galera(tb testing.TB) (nodes [3]*GaleraNode) {
	tb.Helper()
	provider := program(tb, "galera", galeraProviderEnv)
	for i := range nodes {
		n := &GaleraNode{MySQLServer: newMySQL(tb, fmt.Sprint("node ", i+1)), provider: provider}
		n.command, n.serves = n.arguments, n.Primary
		n.others = append(n.others, nodes[:i]...)
		n.Start()
		nodes[i] = n
	}
	nodes[0].others = append(nodes[0].others, nodes[1:]...)
	return nodes
}

// arguments start the node. A node that does not answer is given up after seconds, and not after half a minute.
func (n *GaleraNode) arguments() []string {
	host, _, _ := net.SplitHostPort(n.address)
	cluster := make([]string, len(n.others)) // empty: it begins a cluster
	for i, other := range n.others {
		cluster[i] = other.group()
	}
	options := []string{"gmcast.listen_addr=tcp://" + n.group(), fmt.Sprintf("ist.recv_addr=%s:%d", host, port()+2),
		"gcache.size=32M", "evs.keepalive_period=PT0.3S", "evs.inactive_check_period=PT0.3S", "evs.suspect_timeout=PT2S",
		"evs.inactive_timeout=PT5S"}
	return append(n.MySQLServer.arguments(), "--wsrep-on=ON", "--wsrep-provider="+n.provider,
		"--wsrep-cluster-address=gcomm://"+strings.Join(cluster, ","), "--wsrep-node-address="+n.group(),
		fmt.Sprintf("--wsrep-sst-receive-address=%s:%d", host, port()+3), "--wsrep-sst-method=rsync",
		"--innodb-autoinc-lock-mode=2", "--wsrep-provider-options="+strings.Join(options, ";"))
}

// group is the address for other nodes.
func (n *GaleraNode) group() string {
	host, _, _ := net.SplitHostPort(n.address)
	return fmt.Sprintf("%s:%d", host, port()+1)
}

// Primary is nil if the node is in step with the cluster and takes writes, which is what clustercheck asks.
func (n *GaleraNode) Primary(ctx context.Context) error {
	const synced = "4"
	var name, state string
	if err := n.admin.QueryRowContext(ctx, "SHOW STATUS LIKE 'wsrep_local_state'").Scan(&name, &state); err != nil {
		return err
	}
	if state != synced {
		return fmt.Errorf("wsrep_local_state is %s", state)
	}
	return n.isFalse(ctx, "SELECT @@read_only")
}

// Desync takes the node out of step, or ends that: it goes on, but the others do not wait for it.
func (n *GaleraNode) Desync(on bool) {
	n.tb.Helper()
	n.exec("SET GLOBAL wsrep_desync = %t", on)
}

// Reject makes the node answer queries of tables with error 1047, or ends that. Checks like Primary don't notice.
func (n *GaleraNode) Reject(on bool) {
	n.tb.Helper()
	n.exec("SET GLOBAL wsrep_reject_queries = %s", map[bool]string{true: "ALL", false: "NONE"}[on])
}
