package pooledtest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// TLSRecords are TLS 1.3 by hand, as the server: crypto/tls makes the handshake, and what follows is written here,
// since crypto/tls sends nothing but what it is given. It knows one cipher, which is what two Go programs agree on
// where the processor has AES; elsewhere the test is skipped.
type TLSRecords struct {
	conn    net.Conn
	in, out recordKeys
	rest    []byte // of a record that was read
}

// recordKeys protect the records of one direction.
type recordKeys struct {
	aead   cipher.AEAD
	iv     []byte
	number uint64
}

// Types of records.
const (
	recordHandshake = 22
	recordData      = 23
)

func newTLSRecords(tb testing.TB, conn net.Conn, cfg *tls.Config) (*TLSRecords, error) {
	var secrets bytes.Buffer
	cfg = cfg.Clone()
	cfg.KeyLogWriter, cfg.MinVersion, cfg.SessionTicketsDisabled = &secrets, tls.VersionTLS13, true
	server := tls.Server(&oneRecord{Conn: conn}, cfg)
	if err := server.Handshake(); err != nil {
		return nil, err
	}
	r := &TLSRecords{conn: conn}
	for _, line := range strings.Split(secrets.String(), "\n") {
		var label, random, secret string
		fmt.Sscan(line, &label, &random, &secret)
		switch label {
		case "CLIENT_TRAFFIC_SECRET_0":
			r.in = newRecordKeys(tb, secret)
		case "SERVER_TRAFFIC_SECRET_0":
			r.out = newRecordKeys(tb, secret)
		}
	}
	return r, nil
}

// needAES skips a test where two Go programs agree on another cipher.
func needAES(tb testing.TB, cfg *tls.Config) {
	tb.Helper()
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	client := tls.Client(ours, &tls.Config{InsecureSkipVerify: true})
	var server sync.WaitGroup
	defer server.Wait()
	server.Go(func() { tls.Server(theirs, cfg).Handshake() })
	if err := client.Handshake(); err != nil {
		tb.Fatal(err)
	}
	ours.Close() // a ticket is on its way
	if have := client.ConnectionState().CipherSuite; have != tls.TLS_AES_128_GCM_SHA256 {
		tb.Skipf("this processor has no AES: crypto/tls takes %s", tls.CipherSuiteName(have))
	}
}

// newRecordKeys derives the keys from a secret (RFC 8446, section 7.3).
func newRecordKeys(tb testing.TB, secret string) recordKeys {
	raw, err := hex.DecodeString(secret)
	expand := func(label string, length int) []byte {
		info := append([]byte{0, byte(length), byte(len("tls13 " + label))}, "tls13 "+label+"\x00"...)
		out, e := hkdf.Expand(sha256.New, raw, string(info), length)
		err = errors.Join(err, e)
		return out
	}
	block, e := aes.NewCipher(expand("key", 16))
	err = errors.Join(err, e)
	if err != nil {
		tb.Error(err)
		return recordKeys{}
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		tb.Error(err)
	}
	return recordKeys{aead: aead, iv: expand("iv", 12)}
}

// nonce is that of the next record.
func (k *recordKeys) nonce() []byte {
	nonce := make([]byte, len(k.iv))
	binary.BigEndian.PutUint64(nonce[len(nonce)-8:], k.number)
	k.number++
	for i := range nonce {
		nonce[i] ^= k.iv[i]
	}
	return nonce
}

// Write sends one record.
func (r *TLSRecords) Write(data []byte) (int, error) { return len(data), r.send(recordData, data) }

func (r *TLSRecords) send(kind byte, body []byte) error {
	body = append(bytes.Clone(body), kind)
	head := []byte{recordData, 3, 3, 0, 0}
	binary.BigEndian.PutUint16(head[3:], uint16(len(body)+r.out.aead.Overhead()))
	_, err := r.conn.Write(append(head, r.out.aead.Seal(nil, r.out.nonce(), body, head)...))
	return err
}

// Read reads data; whatever else comes is the end.
func (r *TLSRecords) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		record, err := readRecord(r.conn)
		if err != nil {
			return 0, err
		}
		body, err := r.in.aead.Open(nil, r.in.nonce(), record[5:], record[:5])
		if err != nil {
			return 0, err
		}
		if last := len(body) - 1; body[last] == recordData {
			r.rest = body[:last]
		}
	}
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// ticket sends a session ticket (RFC 8446, section 4.6.1).
func (r *TLSRecords) ticket() error {
	const word, seconds = "ticket", 7200
	message := binary.BigEndian.AppendUint32(nil, seconds)
	message = append(message, 0, 0, 0, 0) // added to its age
	message = append(message, 1, 7)       // a nonce
	message = append(message, 0, byte(len(word)))
	message = append(message, word...)
	message = append(message, 0, 0) // no extensions
	return r.send(recordHandshake, append([]byte{4, 0, 0, byte(len(message))}, message...))
}

// oneRecord is a connection of which a Read takes no more than one record, so that nothing of the next one is lost.
type oneRecord struct {
	net.Conn
	rest []byte
}

func (c *oneRecord) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		record, err := readRecord(c.Conn)
		if err != nil {
			return 0, err
		}
		c.rest = record
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// readRecord reads one record with its head of five bytes.
func readRecord(conn net.Conn) ([]byte, error) {
	head := make([]byte, 5)
	if _, err := io.ReadFull(conn, head); err != nil {
		return nil, err
	}
	record := append(head, make([]byte, binary.BigEndian.Uint16(head[3:]))...)
	_, err := io.ReadFull(conn, record[5:])
	return record, err
}
