package bench

import (
	"bufio"
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// The peers in other languages are programs that stay alive and run a slice when
// they are told to, so that they take turns with what runs here.

//go:embed peers
var peerSources embed.FS

// Where Debian puts jars.
const jars = "/usr/share/java/"

// peerPrograms are how to start them in a copy of peers; the last argument is
// added: how many connections they may open.
var peerPrograms = []struct {
	name    string
	command []string
}{
	{
		"HikariCP",
		[]string{
			"java",
			"-cp",
			jars + "HikariCP.jar:" + jars + "slf4j-api.jar:" + jars + "slf4j-nop.jar",
			"peers/hikaricp/Slices.java",
		},
	},
	{"SQLAlchemy", []string{"/usr/bin/python3", "peers/sqlalchemy/slices.py"}}, // Debian's, since so is the package
}

// MissingPeer is the error of a peer that can't be started here.
type MissingPeer struct {
	Name  string
	Cause string
}

func (e *MissingPeer) Error() string { return e.Name + " is missing here: " + e.Cause }

// peer is such a program at work.
type peer struct {
	command *exec.Cmd
	sources string // a temporary directory
	version string
	orders  io.WriteCloser
	answers *bufio.Reader
	log     bytes.Buffer // its standard error
}

// startAlone starts one of peerPrograms.
func startAlone(ctx context.Context, name string, command []string) (*peer, error) {
	arguments := append(command[1:], strconv.Itoa(AloneConnections))
	return startPeer(name, exec.CommandContext(ctx, command[0], arguments...), "")
}

// startPeer starts a program that reads what it needs to know, and then says its version.
func startPeer(name string, command *exec.Cmd, first string) (*peer, error) {
	directory, err := os.MkdirTemp("", "bench-peer-")
	if err != nil {
		return nil, err
	}
	p := &peer{sources: directory, command: command}
	if err = p.start(first); err != nil {
		err = errors.Join(err, p.Close())
		cause, _, _ := strings.Cut(strings.TrimSpace(p.log.String()+"\n"+err.Error()), "\n")
		return nil, &MissingPeer{name, cause}
	}
	return p, nil
}

func (p *peer) start(first string) (err error) {
	if err = os.CopyFS(p.sources, peerSources); err != nil {
		return err
	}
	p.command.Dir, p.command.Stderr = p.sources, &p.log
	if p.orders, err = p.command.StdinPipe(); err != nil {
		return err
	}
	answers, err := p.command.StdoutPipe()
	if err != nil {
		return err
	}
	p.answers = bufio.NewReader(answers)
	if err = p.command.Start(); err != nil {
		return err
	}
	p.version, err = p.ask(first)
	return err
}

// ask gives an order, and reads the first line of the answer.
func (p *peer) ask(order string) (string, error) {
	if _, err := io.WriteString(p.orders, order); err != nil {
		return "", err
	}
	return p.answer()
}

func (p *peer) answer() (string, error) {
	line, err := p.answers.ReadString('\n')
	return strings.TrimSpace(line), err
}

// Slice has the program take and give back.
func (p *peer) Slice(threads, n int) (nanoseconds float64, err error) {
	n = n / threads * threads
	line, err := p.ask(fmt.Sprintln(threads, n))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", p.version, err)
	}
	var took float64
	var got int
	if _, err = fmt.Sscan(line, &took, &got); err != nil || got != n {
		return 0, fmt.Errorf("%s: answer %q to an order of %d", p.version, line, n)
	}
	return took / float64(n), nil
}

// Version is what it says it is.
func (p *peer) Version() string { return p.version }

// Close ends the program.
func (p *peer) Close() error {
	defer os.RemoveAll(p.sources)
	if p.command.Process == nil { // never started
		return nil
	}
	p.orders.Close()
	return p.command.Wait()
}
