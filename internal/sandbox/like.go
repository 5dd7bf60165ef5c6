package sandbox

import (
	"bytes"
	"slices"
	"strings"
)

// like matches texts against a pattern of SQL's LIKE, without regard to case
// and accents.
type like struct {
	pattern []rune
	plain   []byte // the folded pattern, when it is text between %
	front   bool   // the plain text stands at the beginning
	back    bool   // or at the end
	buf     []byte
}

func newLike(pattern string) *like {
	pattern = string(fold(nil, []byte(pattern)))
	l := &like{pattern: []rune(pattern), front: !strings.HasPrefix(pattern, "%"), back: !strings.HasSuffix(pattern, "%")}
	if text := strings.Trim(pattern, "%"); !strings.ContainsAny(text, "%_[") {
		l.plain = []byte(text)
	}
	return l
}

func (l *like) match(text []byte) bool {
	l.buf = fold(l.buf[:0], text)
	if l.plain == nil {
		return matchLike(l.pattern, bytes.Runes(l.buf))
	}
	switch {
	case l.front && l.back:
		return bytes.Equal(l.buf, l.plain)
	case l.front:
		return bytes.HasPrefix(l.buf, l.plain)
	case l.back:
		return bytes.HasSuffix(l.buf, l.plain)
	}
	return bytes.Contains(l.buf, l.plain)
}

// matchLike matches %, _ and [a-z], going back only to the last %.
func matchLike(pattern, text []rune) bool {
	p, i, star, mark := 0, 0, -1, 0
	for i < len(text) {
		if p < len(pattern) && pattern[p] == '%' {
			star, mark = p, i
			p++
			continue
		}
		if n := matchOne(pattern[p:], text[i]); n > 0 {
			p += n
			i++
			continue
		}
		if star < 0 {
			return false
		}
		mark++
		p, i = star+1, mark
	}
	for p < len(pattern) && pattern[p] == '%' {
		p++
	}
	return p == len(pattern)
}

// matchOne returns how many runes of the pattern match one rune, 0 for none.
func matchOne(pattern []rune, r rune) int {
	if len(pattern) == 0 {
		return 0
	}
	end := slices.Index(pattern, ']')
	switch {
	case pattern[0] == '_':
		return 1
	case pattern[0] == '[' && end > 0:
		set := pattern[1:end]
		no := len(set) > 0 && set[0] == '^'
		if no {
			set = set[1:]
		}
		in := false
		for i := 0; i < len(set); i++ {
			if i+2 < len(set) && set[i+1] == '-' {
				in = in || set[i] <= r && r <= set[i+2]
				i += 2
				continue
			}
			in = in || set[i] == r
		}
		if in != no {
			return end + 1
		}
		return 0
	case pattern[0] == r:
		return 1
	}
	return 0
}
