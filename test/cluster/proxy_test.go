package cluster

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// proxy stands between servers and PostgreSQL and lets the answers to commits
// get lost: the transaction is stored, and whoever stored it sees the
// connection break off.
type proxy struct {
	socket string // of PostgreSQL
	dsn    string // through the proxy

	mu   sync.Mutex
	cuts map[string]int // by a part of a statement: how many commits of transactions with it are still to lose
}

func newProxy(t *testing.T, dsn string) *proxy {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{socket: filepath.Join(u.Query().Get("host"), ".s.PGSQL.5432"), cuts: map[string]int{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	u.Host, u.RawQuery = l.Addr().String(), "sslmode=disable"
	p.dsn = u.String()
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(client)
		}
	}()
	return p
}

// lose has the answers to the next n commits of transactions get lost that
// held a statement with that text.
func (p *proxy) lose(text string, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cuts[text] = n
}

// left returns what has not got lost yet.
func (p *proxy) left() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	for text, n := range p.cuts {
		if n > 0 {
			fmt.Fprintf(&b, "%d of %q; ", n, text)
		}
	}
	return b.String()
}

// loses reports whether the answer to the commit of these statements gets
// lost.
func (p *proxy) loses(statements []string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for text, n := range p.cuts {
		for _, s := range statements {
			if n > 0 && strings.Contains(s, text) {
				p.cuts[text]--
				return true
			}
		}
	}
	return false
}

// serve forwards a connection, message by message: section 55.7 of
// PostgreSQL's manual.
func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("unix", p.socket)
	if err != nil {
		return
	}
	defer server.Close()
	cut := make(chan struct{})
	go func() {
		defer client.Close()
		buffer := make([]byte, 1<<16)
		for {
			n, err := server.Read(buffer)
			select {
			case <-cut: // this is the answer to the commit
				return
			default:
			}
			if err == nil {
				_, err = client.Write(buffer[:n])
			}
			if err != nil {
				return
			}
		}
	}()
	var length [4]byte
	forward := func(kind []byte) ([]byte, error) {
		if _, err := io.ReadFull(client, length[:]); err != nil {
			return nil, err
		}
		body := make([]byte, binary.BigEndian.Uint32(length[:])-4)
		_, err := io.ReadFull(client, body)
		return append(append(append([]byte{}, kind...), length[:]...), body...), err
	}
	message, err := forward(nil) // the first one has no kind
	prepared := map[string]string{}
	var statements []string
	for err == nil {
		if _, err = server.Write(message); err != nil {
			return
		}
		var kind [1]byte
		if _, err = io.ReadFull(client, kind[:]); err != nil {
			return
		}
		if message, err = forward(kind[:]); err != nil {
			return
		}
		parts := bytes.SplitN(message[5:], []byte{0}, 3)
		switch text := string(parts[0]); kind[0] {
		case 'P':
			prepared[text] = string(parts[1])
		case 'B':
			statements = append(statements, prepared[string(parts[1])])
		case 'Q':
			switch text = strings.ToLower(text); {
			case strings.HasPrefix(text, "begin"):
				statements = nil
			case text == "commit" && p.loses(statements):
				close(cut)
				_, _ = server.Write(message)
				_, _ = io.Copy(io.Discard, client) // until the answer has come and the connection is closed
				return
			default:
				statements = append(statements, text)
			}
		}
	}
}
