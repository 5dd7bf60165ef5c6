package main

import (
	"net"
	"testing"
)

func TestReachable(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"":                      "localhost",
		"0.0.0.0":               "localhost",
		"::":                    "localhost",
		"127.0.0.1":             "127.0.0.1",
		"192.0.2.7":             "192.0.2.7",
		"2001:db8::7":           "2001:db8::7",
		"crosswalk.example.com": "crosswalk.example.com",
	} {
		if got := reachable(host); got != want {
			t.Errorf("%q is reached at %q, want %q", host, got, want)
		}
	}
}

func TestAddressOf(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"[::]:8089":          "localhost:8089",
		"0.0.0.0:8089":       "localhost:8089",
		"127.0.0.1:8089":     "127.0.0.1:8089",
		"[2001:db8::7]:8089": "[2001:db8::7]:8089",
	} {
		if got := addressOf(fixedListener(address)); got != want {
			t.Errorf("%s is reached at %s, want %s", address, got, want)
		}
	}
}

// fixedListener listens nowhere but has an address.
type fixedListener string

func (fixedListener) Accept() (net.Conn, error) { return nil, net.ErrClosed }
func (fixedListener) Close() error              { return nil }
func (l fixedListener) Addr() net.Addr          { return l }
func (fixedListener) Network() string           { return "tcp" }
func (l fixedListener) String() string          { return string(l) }

func TestIsOrigin(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"https://crosswalk.example.com":      true,
		"https://crosswalk.example.com/":     true,
		"https://crosswalk.example.com:8443": true,
		"http://localhost:8080":              true,
		"http://127.0.0.1:8080":              true,
		"http://[::1]:8080":                  true,
		"":                                   false,
		"HTTPS://crosswalk.example.com":      false,
		"https://crosswalk.example.com#":     false,
		"https://":                           false,
		"https://:8080":                      false,
		"crosswalk.example.com":              false,
		"localhost:8080":                     false,
		"ftp://crosswalk.example.com":        false,
		"https://crosswalk.example.com/a":    false,
		"https://crosswalk.example.com//":    false,
		"https://crosswalk.example.com?a":    false,
		"https://crosswalk.example.com?":     false,
		"https://crosswalk.example.com#a":    false,
		"https://ann@crosswalk.example.com":  false,
		"https://crosswalk example.com":      false,
		"https://crosswalk.example.com:port": false,
		"javascript:alert(1)":                false,
	} {
		if got := isOrigin(address); got != want {
			t.Errorf("isOrigin(%q) = %t, want %t", address, got, want)
		}
	}
}
