package mysql

import (
	"context"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/pooled-go/pooled/internal/driverconn"
	"github.com/pooled-go/pooled/internal/socket"
)

// go-sql-driver has no way to say COM_RESET_CONNECTION, so the pool says it by itself, where the driver writes
// (connector.wire), while the driver is idle. It ends the transaction and frees locks, temporary tables, prepared
// statements and user variables, and gives session variables the values of the global ones. What it leaves, or what a
// connection has beyond the global values, the restoreTexts bring back.

// resetConnection resets the session on a connection in whose driver nothing is under way. wire is where the driver
// writes, and s the socket below. The server has then forgotten the driver's prepared statements; the driver's view
// of the session, such as NO_BACKSLASH_ESCAPES, is right again after its next statement. After an error, which is
// ctx's when that ended it, nobody knows what is on the wire, and a TLS layer of which a write was cut short is of no
// use: the connection is to be discarded.
func resetConnection(ctx context.Context, wire net.Conn, s *socket.Socket) error {
	if err := sendReset(ctx, wire, s); err != nil {
		return fmt.Errorf("pooled: reset connection: %w", err)
	}
	return nil
}

func sendReset(ctx context.Context, wire net.Conn, s *socket.Socket) error {
	if state, _ := s.Peek(); state == socket.Pending { // they would pass for the answer
		return errors.New("unread bytes on the socket")
	}
	defer s.Bound(ctx)()
	const comResetConnection = 0x1f
	if _, err := wire.Write([]byte{1, 0, 0, 0, comResetConnection}); err != nil {
		return socket.BoundError(ctx, err)
	}
	answer, err := readAnswer(wire)
	if err != nil {
		return socket.BoundError(ctx, err)
	}
	return errorOf(answer)
}

// readAnswer reads the one packet that answers a command without a result, and nothing but that.
func readAnswer(r io.Reader) ([]byte, error) {
	const header = 4
	var buf [4096]byte // the longest is an error with a text of 512 bytes
	have, err := io.ReadAtLeast(r, buf[:], header)
	if err != nil {
		return nil, err
	}
	size := header + int(buf[0]) + int(buf[1])<<8 + int(buf[2])<<16
	if buf[3] != 1 || size > len(buf) || have > size {
		return nil, fmt.Errorf("malformed answer of %d bytes, number %d", size-header, buf[3])
	}
	if _, err = io.ReadFull(r, buf[have:size]); err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return buf[header:size], err
}

// errorOf is the error that an answer says.
func errorOf(answer []byte) error {
	const ok, failed = 0x00, 0xff
	switch {
	case len(answer) >= 3 && answer[0] == failed:
		e := &mysql.MySQLError{Number: binary.LittleEndian.Uint16(answer[1:])}
		text := answer[3:]
		if len(text) >= 6 && text[0] == '#' {
			copy(e.SQLState[:], text[1:])
			text = text[6:]
		}
		e.Message = string(text)
		return e
	case len(answer) == 0 || answer[0] != ok:
		return errors.New("the answer is neither OK nor an error")
	}
	return nil
}

// freshQuery asks a new connection for the statements that bring back what it has and a reset session may not have.
// Each column is one; an empty one is none. NULL in the first: no reset will do. Either init_connect did what nobody
// here knows, and the server does not do it again; or this is Vitess, whose reset answers OK and leaves the variables.
//
//   - Character sets: MariaDB goes back to those of the handshake, MySQL to
//     the global ones, and the driver sets its own after that. One by one, since
//     they may differ, and character_set_results may be NULL.
//   - max_statement_time may be a limit of the account, which the reset takes off (MariaDB).
//   - The reset leaves the role. MySQL before 8.0 has none, and both servers skip
//     the comments that are meant for the other.
//   - The reset leaves the current database. USE is needed even if it did not
//     change, for collation_database. Where there was none, no statement leaves one; this
//     SELECT fails if one was entered, and with it the reset.
//
// No text in it is empty, and CONCAT is given no NULL: sql_mode can give either a meaning of its own. ~ stands for
// `.
var freshQuery = strings.ReplaceAll(`SELECT
	IF(LENGTH(@@init_connect) > 0 OR LOWER(@@version) LIKE '%vitess%', NULL, CONCAT(
		'SET character_set_client = ''', @@character_set_client,
		''', character_set_results = ', IFNULL(CONCAT('''', @@character_set_results, ''''), 'NULL'),
		', collation_connection = ''', @@collation_connection, ''''
		/*M!100101 , ', max_statement_time = ', @@max_statement_time */)),
	COALESCE(
		/*M!100005 CONCAT('SET ROLE ', IFNULL(CONCAT('~', REPLACE(CURRENT_ROLE(), '~', '~~'), '~'), 'NONE')), */
		/*!80000 CONCAT('SET ROLE ', CURRENT_ROLE()), */
		NULL),
	IFNULL(CONCAT('USE ~', REPLACE(DATABASE(), '~', '~~'), '~'),
		'SELECT (SELECT 1 FROM (SELECT 1 UNION SELECT 2) two WHERE DATABASE() IS NOT NULL)')`, "~", "`")

// restoreTexts returns the statements that have to follow resetConnection for the session to be what it is now,
// right after Connect. Nil, without an error: no reset does that, or the packet can't be sent on this connection;
// close it and connect again. It takes one round trip.
func (c *connector) restoreTexts(ctx context.Context, conn driver.Conn, dialed *socket.Socket) ([]string, error) {
	asked := driverconn.Of(conn)
	if asked.Queryer == nil || c.wire(conn, dialed) == nil {
		return nil, nil
	}
	row, err := asked.QueryRow(ctx, freshQuery, nil)
	if err != nil {
		return nil, fmt.Errorf("pooled: read session settings: %w", err)
	}
	if row[0] == nil || row[0] == "" {
		return nil, nil
	}
	var texts []string
	for _, value := range row {
		if text, _ := value.(string); text != "" {
			texts = append(texts, text)
		}
	}
	if set := c.setParams(); set != "" {
		texts = append(texts, set)
	}
	return texts, nil
}

// setParams is the statement by which the driver sets the DSN's system variables. It comes last, as on connect.
func (c *connector) setParams() string {
	var set []string
	for _, name := range slices.Sorted(maps.Keys(c.cfg.Params)) {
		set = append(set, name+" = "+c.cfg.Params[name])
	}
	if set == nil {
		return ""
	}
	return "SET " + strings.Join(set, ", ")
}
