package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// rawJSON is a value that is JSON already.
type rawJSON []byte

// object is a JSON object that keeps the order of its members. A value is
// nil, bool, int64, string, json.Number, rawJSON, guid, object or []any.
type object []member

type member struct {
	name  string
	value any
}

// get returns the value of a member, nil when there is none.
func (o object) get(name string) any {
	for _, m := range o {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

func (o object) has(name string) bool {
	for _, m := range o {
		if m.name == name {
			return true
		}
	}
	return false
}

func (o object) text(name string) string {
	s, _ := o.get(name).(string)
	return s
}

func (o object) bool(name string) bool {
	b, _ := o.get(name).(bool)
	return b
}

func (o object) int(name string) int64 {
	n, _ := o.get(name).(json.Number)
	i, _ := n.Int64()
	return i
}

func (o object) list(name string) []any {
	l, _ := o.get(name).([]any)
	return l
}

func (o object) object(name string) object {
	v, _ := o.get(name).(object)
	return v
}

// parseObject reads a JSON object.
func parseObject(text []byte) (object, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	v, err := readJSON(d)
	if err != nil {
		return nil, err
	}
	o, ok := v.(object)
	if !ok {
		return nil, fmt.Errorf("JSON is not an object")
	}
	return o, nil
}

func readJSON(d *json.Decoder) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('{'):
		o := object{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := readJSON(d)
			if err != nil {
				return nil, err
			}
			o = append(o, member{name.(string), v})
		}
		_, err = d.Token()
		return o, err
	case json.Delim('['):
		l := []any{}
		for d.More() {
			v, err := readJSON(d)
			if err != nil {
				return nil, err
			}
			l = append(l, v)
		}
		_, err = d.Token()
		return l, err
	}
	return t, nil
}

// appendJSON adds a value in compact form.
func appendJSON(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case string:
		return appendString(b, v)
	case json.Number:
		return append(b, v...)
	case rawJSON:
		return append(b, v...)
	case guid:
		b = append(b, '"')
		return append(v.append(b), '"')
	case object:
		b = append(b, '{')
		for i, m := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendString(b, m.name)
			b = append(b, ':')
			b = appendJSON(b, m.value)
		}
		return append(b, '}')
	case []any:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, e)
		}
		return append(b, ']')
	default:
		panic(fmt.Sprintf("sandbox: no JSON for %T", v))
	}
}

const hexDigits = "0123456789abcdef"

// plain tells the bytes that stand for themselves in a JSON string, and simple
// those of them that are ASCII.
var plain, simple = func() (plain, simple [256]bool) {
	for c := 0x20; c < 256; c++ {
		plain[c] = c != '"' && c != '\\'
		simple[c] = plain[c] && c < utf8.RuneSelf
	}
	return plain, simple
}()

// appendString adds a JSON string. Text that is not UTF-8 gets replacement
// characters.
func appendString[T string | []byte](b []byte, s T) []byte {
	b = append(b, '"')
	i := 0
	for i < len(s) && simple[s[i]] {
		i++
	}
	if i == len(s) { // as nearly all are
		return append(append(b, s...), '"')
	}
	start, ascii := 0, true
	for ; i < len(s); i++ {
		c := s[i]
		if c >= utf8.RuneSelf {
			ascii = false
		}
		if plain[c] {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	if !ascii && !utf8.ValidString(string(s[start:])) {
		b = append(b, bytes.ToValidUTF8([]byte(s[start:]), []byte("�"))...)
	} else {
		b = append(b, s[start:]...)
	}
	return append(b, '"')
}
