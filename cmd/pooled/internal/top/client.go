package top

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
)

// answerLimit is how long a request may take. It is a variable for the tests.
var answerLimit = 10 * time.Second

// mostBytes is more than any page has.
const mostBytes = 64 << 20

// client asks one page.
type client struct {
	http   http.Client
	page   url.URL
	shown  string // the URL without what may be secret in it
	header http.Header
}

// newClient checks what was given. Its errors show none of it: it may be a DSN, or a token.
func newClient(page string, headers []string) (*client, error) {
	u, err := url.Parse(page)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, cli.Mistake("want the http:// or https:// URL of a live page, such as %s", example)
	}
	c := &client{page: *u, shown: u.Scheme + "://" + u.Host + u.EscapedPath(), header: http.Header{}}
	c.http.CheckRedirect = c.checkRedirect
	for _, header := range headers {
		if err := c.addHeader(header); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *client) addHeader(header string) error {
	if name, isFile := strings.CutPrefix(header, "@"); isFile {
		return c.addHeaders(name)
	}
	name, value, ok := strings.Cut(header, ":")
	if name = strings.TrimSpace(name); !ok || !headerName.MatchString(name) {
		return cli.Mistake("--header: want 'NAME: VALUE' or @FILE")
	}
	c.header.Add(name, strings.TrimSpace(value))
	return nil
}

// headerName is what HTTP calls a token.
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// addHeaders adds the lines of a file.
func (c *client) addHeaders(file string) error {
	f, err := os.Open(file)
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err // without the name, which may be a token in the wrong place
		}
		return fmt.Errorf("read the file of --header: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); line != "" {
			if strings.HasPrefix(line, "@") {
				return errors.New("read the file of --header: a line has no NAME: VALUE")
			}
			if err := c.addHeader(line); err != nil {
				return errors.New("read the file of --header: a line has no NAME: VALUE")
			}
		}
	}
	return lines.Err()
}

// errElsewhere: what was meant for one host does not go to another, such as that of a login.
var errElsewhere = errors.New("it redirects to another place, perhaps to a login: --header can send one")

func (c *client) checkRedirect(to *http.Request, via []*http.Request) error {
	if to.URL.Scheme != c.page.Scheme || to.URL.Host != c.page.Host || len(via) > 5 {
		return errElsewhere
	}
	return nil
}

// get reads the page, with as many connections of each pool as that; -1: all.
func (c *client) get(ctx context.Context, conns int) (*page, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	u := c.page
	query := u.Query()
	query.Set("format", "json")
	if conns >= 0 {
		query.Set("limit", strconv.Itoa(conns))
	}
	u.RawQuery, u.Fragment = query.Encode(), ""
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, cli.Mistake("want the URL of a live page, such as %s", example)
	}
	r.Header = c.header.Clone()
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, c.failed(ctx, err)
	}
	defer answer.Body.Close()
	p, err := c.read(answer)
	if err != nil {
		return nil, c.failed(ctx, err)
	}
	return p, nil
}

// read understands an answer, which may be anybody's.
func (c *client) read(answer *http.Response) (*page, error) {
	kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	switch answer.StatusCode {
	case http.StatusOK:
	case http.StatusUnauthorized:
		return nil, errors.New("it asks for a login (401): give one with --header @FILE")
	case http.StatusNotFound:
		return nil, c.notFound(answer, kind)
	default:
		return nil, fmt.Errorf("it answered %d%s", answer.StatusCode, c.said(answer, kind))
	}
	if kind != "application/json" {
		return nil, errors.New("this is not a live page of pooled: is the path that of debug.Handler?")
	}
	var p page
	err := json.NewDecoder(io.LimitReader(answer.Body, mostBytes)).Decode(&p)
	switch {
	case isSyntax(err), err == nil && (p.Pools == nil || p.PID == 0):
		return nil, errors.New("this is not a live page of pooled: its JSON is something else's")
	case err != nil:
		return nil, err
	}
	return &p, nil
}

// noSuchPool is what the page says of a pool that is not open: debug.Handler's own text.
const noSuchPool = "pooled: show pools: no open pool has number "

func (c *client) notFound(answer *http.Response, kind string) error {
	if number, ok := strings.CutPrefix(c.said(answer, kind), ": "+noSuchPool); ok {
		return fmt.Errorf("the page has no pool %s: without ?pool= it shows all", number)
	}
	return errors.New("there is no live page (404): give the path that the program mounted debug.Handler at")
}

func isSyntax(err error) bool {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	return errors.As(err, &syntax) || errors.As(err, &kind)
}

// said is the first line of a refusal, if that is text. What was sent is not in it, though a server may repeat it.
func (c *client) said(answer *http.Response, kind string) string {
	if kind != "text/plain" {
		return ""
	}
	line, _ := bufio.NewReader(io.LimitReader(answer.Body, 300)).ReadString('\n')
	return ": " + c.withoutSecrets(strings.TrimSpace(line))
}

func (c *client) withoutSecrets(text string) string {
	secrets := []string{}
	for _, values := range c.header {
		for _, value := range values {
			secrets = append(append(secrets, value), strings.Fields(value)...)
		}
	}
	if password, ok := c.page.User.Password(); ok {
		secrets = append(secrets, password)
	}
	for _, secret := range secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "xxxxx")
		}
	}
	return text
}

// failed says in one line why there is no page.
func (c *client) failed(ctx context.Context, err error) error {
	var of *url.Error // its text has the URL
	if errors.As(err, &of) {
		err = of.Err
	}
	var dial *net.OpError
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		err = fmt.Errorf("no answer within %v", answerLimit)
	case cli.Refused(err):
		err = errors.New("connection refused: is the program running, and does it listen there?")
	case errors.As(err, &dial):
		err = dial.Err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("the connection was closed in the middle of the answer")
	}
	return fmt.Errorf("%s: %s", c.shown, c.withoutSecrets(err.Error()))
}
