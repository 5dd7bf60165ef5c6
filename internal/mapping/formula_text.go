package mapping

import (
	"strings"
	"unicode/utf8"
)

func textFunctions() []*function {
	text := func(name, usage, does, example, result string) Function {
		return doc("text", name, usage, does, example, result)
	}
	one := func(f func(string) string) func(*checker, *machine, []value) value {
		return func(_ *checker, m *machine, a []value) value {
			m.charge(len(a[0].text))
			s := f(a[0].text)
			m.made(len(s))
			return textValue(s)
		}
	}
	return []*function{
		{
			Function: text("upper", "upper(text)", "The text in upper case.", `upper("Zoë")`, "ZOË"),
			params:   []kind{kindText}, result: kindText, call: one(strings.ToUpper),
		},
		{
			Function: text("lower", "lower(text)", "The text in lower case.", `lower("Zoë")`, "zoë"),
			params:   []kind{kindText}, result: kindText, call: one(strings.ToLower),
		},
		{
			Function: text("trim", "trim(text)", "The text without white space around it.", `trim("  a b ")`, "a b"),
			params:   []kind{kindText}, result: kindText, call: one(strings.TrimSpace),
		},
		{
			Function: text("left", "left(text, count)", "The first characters.", `left("Crosswalk", 5)`, "Cross"),
			params:   []kind{kindText, kindNumber}, result: kindText,
			call: func(_ *checker, _ *machine, a []value) value {
				return textValue(a[0].text[:characters(a[0].text, count(a[1]))])
			},
		},
		{
			Function: text("right", "right(text, count)", "The last characters.", `right("Crosswalk", 4)`, "walk"),
			params:   []kind{kindText, kindNumber}, result: kindText,
			call: func(_ *checker, _ *machine, a []value) value {
				s := a[0].text
				return textValue(s[characters(s, max(utf8.RuneCountInString(s)-count(a[1]), 0)):])
			},
		},
		{
			Function: text("mid", "mid(text, start, count)", "A number of characters, beginning at a position; the first position is 1.", `mid("Crosswalk", 6, 2)`, "wa"),
			params:   []kind{kindText, kindNumber, kindNumber}, result: kindText,
			call: func(_ *checker, _ *machine, a []value) value {
				start := a[1].whole("a place")
				if start < 1 {
					fail("places in a text begin with 1, not %d", start)
				}
				s := a[0].text
				s = s[characters(s, start-1):]
				return textValue(s[:characters(s, count(a[2]))])
			},
		},
		{
			Function: text("len", "len(text)", "The number of characters.", `len("Zoë")`, "3"),
			params:   []kind{kindText}, result: kindNumber,
			call: func(_ *checker, _ *machine, a []value) value {
				return wholeValue(int64(utf8.RuneCountInString(a[0].text)))
			},
		},
		{
			Function: text("replace", "replace(text, old, new)", "The text with every occurrence of one part replaced by another.", `replace("1-2-3", "-", ".")`, "1.2.3"),
			params:   []kind{kindText, kindText, kindText}, result: kindText, call: replace,
		},
		{
			Function: text("concat", "concat(value, …)", "All values as one text; null adds nothing.", `concat("No. ", 7, nil)`, "No. 7"),
			params:   []kind{kindAny}, variadic: true, nulls: true, result: kindText, call: concat,
		},
		{
			Function: text("part", "part(text, separator, number)", "One of the parts between separators, counted from 1, or from the end with -1; null when there is none.", `part("a/b/c", "/", -1)`, "c"),
			params:   []kind{kindText, kindText, kindNumber}, result: kindText, call: part,
		},
		{
			Function: text("split", "split(text, separator)", "The parts between separators as the options of a MultiSelect, without empty ones.", `split("red, blue", ",")`, "red; blue"),
			params:   []kind{kindText, kindText}, result: kindText, call: split,
		},
		{
			Function: text("text", "text(value)", "Any value as text.", `text(date("2026-01-31"))`, "2026-01-31"),
			params:   []kind{kindAny}, result: kindText,
			call: func(_ *checker, m *machine, a []value) value {
				s := a[0].written()
				m.made(len(s))
				return textValue(s)
			},
		},
	}
}

// count returns a number of characters.
func count(v value) int {
	n := v.whole("a number of characters")
	if n < 0 {
		fail("a number of characters cannot be %d", n)
	}
	return n
}

// characters returns the number of bytes of the first n characters.
func characters(s string, n int) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

func replace(_ *checker, m *machine, a []value) value {
	s, from, to := a[0].text, a[1].text, a[2].text
	if from == "" {
		return a[0]
	}
	m.made(len(s) + strings.Count(s, from)*(len(to)-len(from)))
	return textValue(strings.ReplaceAll(s, from, to))
}

func concat(_ *checker, m *machine, a []value) value {
	all, size := make([]string, len(a)), 0
	for i, v := range a {
		if !v.null() {
			all[i] = v.written()
			size += len(all[i])
		}
	}
	m.made(size)
	return textValue(strings.Join(all, ""))
}

func part(_ *checker, m *machine, a []value) value {
	s, separator, n := a[0].text, a[1].text, a[2].whole("the number of a part")
	switch {
	case separator == "":
		fail("a text cannot be cut by a separator that is empty")
	case n == 0:
		fail("parts are counted from 1, or from the end with -1")
	}
	m.charge(len(s))
	cut, rest := strings.Cut, n
	if n < 0 {
		cut, rest = cutLast, -n
	}
	for ; ; rest-- {
		one, more, found := cut(s, separator)
		if rest == 1 {
			return textValue(one)
		}
		if !found {
			return value{}
		}
		s = more
	}
}

// cutLast is strings.Cut from the end.
func cutLast(s, separator string) (last, before string, found bool) {
	if i := strings.LastIndex(s, separator); i >= 0 {
		return s[i+len(separator):], s[:i], true
	}
	return s, "", false
}

func split(_ *checker, m *machine, a []value) value {
	s, separator := a[0].text, a[1].text
	if separator == "" {
		fail("a text cannot be cut by a separator that is empty")
	}
	m.made(len(s) + strings.Count(s, separator)*2)
	var b strings.Builder
	for one := range strings.SplitSeq(s, separator) {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		b.WriteString(one)
	}
	return textValue(b.String())
}
