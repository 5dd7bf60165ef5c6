package crosswalk

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// The lengths RFC 5321, section 4.5.3.1 and RFC 1035, section 2.3.4 allow.
const (
	maxEmail  = 254
	maxLocal  = 64
	maxDomain = 253
	maxLabel  = 63
)

// IsEmail reports whether address can be an e-mail address as people write it:
// name@domain.tld, without a display name, quotes or comments. Letters of all
// scripts are allowed (RFC 6531). Whether anybody reads mail sent there, only
// sending some can tell.
func IsEmail[T string | []byte](address T) bool {
	b := []byte(address)
	at := bytes.LastIndexByte(b, '@')
	if len(b) > maxEmail || at < 1 || at > maxLocal {
		return false
	}
	for _, c := range b[:at] {
		if !isNameByte(c) {
			return false
		}
	}
	host := b[at+1:]
	return isHost(host) && bytes.IndexByte(host, '.') > 0
}

// isNameByte reports whether c may occur before the @. Dots may stand anywhere:
// some providers have handed out such addresses.
func isNameByte(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c >= utf8.RuneSelf:
		return true
	}
	return bytes.IndexByte([]byte(".!#$%&'*+/=?^_`{|}~-"), c) >= 0
}

// IsWebAddress reports whether b can be a web address: http or https and a
// host, or, as people type it, just a host with a dot in it. Other schemes are
// refused, above all those that a browser would run.
func IsWebAddress(b []byte) bool {
	for rest := b; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		if r <= ' ' || r == 0x7f || unicode.IsSpace(r) || r == '<' || r == '>' || r == '"' || r == '\\' {
			return false
		}
		rest = rest[size:]
	}
	scheme := true
	switch {
	case hasPrefixFold(b, "https://"):
		b = b[len("https://"):]
	case hasPrefixFold(b, "http://"):
		b = b[len("http://"):]
	default:
		scheme = false
	}
	host := b
	if i := bytes.IndexAny(b, "/?#"); i >= 0 {
		host = b[:i]
	}
	if i := bytes.LastIndexByte(host, '@'); i >= 0 {
		if !scheme {
			return false // an e-mail address
		}
		host = host[i+1:]
	}
	if scheme && len(host) > 0 && host[0] == '[' {
		return isBracketed(host)
	}
	if i := bytes.IndexByte(host, ':'); i >= 0 {
		if port := host[i+1:]; !isDigits(port) || len(port) > 5 {
			return false
		}
		host = host[:i]
	}
	return isHost(host) && (scheme || bytes.IndexByte(host, '.') > 0)
}

// isBracketed reports whether b looks like an IPv6 address in brackets, with
// or without a port.
func isBracketed(b []byte) bool {
	end := bytes.IndexByte(b, ']')
	if end < 3 {
		return false
	}
	for _, c := range b[1:end] {
		if c != ':' && c != '.' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	port := b[end+1:]
	return len(port) == 0 || port[0] == ':' && isDigits(port[1:]) && len(port) <= 6
}

// isHost reports whether b is made of labels of letters, digits, hyphens and
// underscores with dots between them; a trailing dot is allowed.
func isHost(b []byte) bool {
	if len(b) > 1 && b[len(b)-1] == '.' {
		b = b[:len(b)-1]
	}
	if len(b) == 0 || len(b) > maxDomain {
		return false
	}
	length := 0
	for i, c := range b {
		if c == '.' {
			if length == 0 || b[i-1] == '-' {
				return false
			}
			length = 0
			continue
		}
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= utf8.RuneSelf || c == '_'
		if length++; length > maxLabel || !letter && (c != '-' || length == 1) {
			return false
		}
	}
	return length > 0 && b[len(b)-1] != '-'
}

func hasPrefixFold(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && bytes.EqualFold(b[:len(prefix)], []byte(prefix))
}

// isDigits reports whether b holds nothing but the digits 0 to 9.
func isDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
