package sandbox

import (
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf8"
)

// convert divides an amount in ten-thousandths by a rate of 12 digits and
// returns the whole units and 10 digits after the point.
func convert(amount, rate uint64) (whole, fraction int64) {
	hi, lo := bits.Mul64(amount, 100_000_000)
	w, rest := bits.Div64(hi, lo, rate)
	hi, lo = bits.Mul64(rest, 10_000_000_000)
	f, _ := bits.Div64(hi, lo, rate)
	return int64(w), int64(f)
}

// place returns where the first address of a row is.
func (t *table) place(row int) *place { return &places[below(t.hash(row, 0xb1), len(places))] }

// textGenerator makes a text by what the column's format and name say.
func (t *table) textGenerator(a *attribute, salt uint64) generator {
	if strings.HasPrefix(a.name, "address") {
		return t.addressGenerator(a, salt)
	}
	limit := a.maximum
	switch {
	case a.format == "Email" || a.raw.text("FormatName") == "Email":
		return sparse(t, salt, 70, func(row int, v *value) {
			v.kind, v.text = kindText, t.appendEmail(v.text[:0], row, "example.org")
		})
	case a.format == "Phone" || strings.HasSuffix(a.name, "fax"):
		return sparse(t, salt, 60, func(row int, v *value) {
			v.kind, v.text = kindText, t.appendPhone(v.text[:0], row, salt)
		})
	case a.format == "Url":
		return sparse(t, salt, 80, func(row int, v *value) {
			v.kind, v.text = kindText, strconv.AppendInt(append(v.text[:0], "https://www.example.org/"...), int64(row), 36)
		})
	case a.name == "description":
		return sparse(t, salt, 25, func(row int, v *value) { t.description(a, t.hash(row, salt), v) })
	case a.typeName == "MemoType":
		return sparse(t, salt, 60, func(row int, v *value) {
			h := t.hash(row, salt)
			v.setText(sentences[below(h, len(sentences))])
			v.text = append(v.text, "\r\n"...)
			v.text = append(v.text, sentences[below(mix(h), len(sentences))]...)
			cutUTF16(v, limit)
		})
	}
	return sparse(t, salt, 80, func(row int, v *value) {
		h := t.hash(row, salt)
		v.setText(companySecond[below(h, len(companySecond))].text)
		if limit >= 50 {
			v.text = append(v.text, ' ')
			v.text = strconv.AppendUint(v.text, mix(h)%10000, 10)
		}
		cutUTF16(v, limit)
	})
}

// description makes a memo: a few sentences, and now and then what breaks
// careless readers.
func (t *table) description(a *attribute, h uint64, v *value) {
	v.kind, v.text = kindText, v.text[:0]
	switch h % 40 {
	case 0:
		v.text = append(v.text, "Line one\r\nLine two\n\tindented \"quoted\" and 'single' \\ backslash; 100 % & <b>bold</b>\u2028next"...)
		return
	case 1:
		v.text = append(v.text, "🚀 Launch went well 👩‍👩‍👧‍👦 — danke! 谢谢 🎉"...)
		return
	case 2:
		v.text = append(v.text, "הלקוח ביקש הצעת מחיר חדשה. العميل راضٍ جدًا."...)
		return
	case 3:
		return // empty, not null
	case 4: // as long as it can be; e-mails could be of gigabytes
		limit := min(a.maximum, 10_000)
		if t.pointer || t.base == "activitypointer" {
			limit = 2000 // what activitypointer takes of any
		}
		for len(v.text) < limit {
			h = mix(h)
			v.text = append(v.text, sentences[below(h, len(sentences))]...)
			v.text = append(v.text, ' ')
		}
		cutUTF16(v, limit)
		return
	}
	for range 1 + h>>8%4 {
		h = mix(h)
		if len(v.text) > 0 {
			v.text = append(v.text, ' ')
		}
		v.text = append(v.text, sentences[below(h, len(sentences))]...)
	}
	cutUTF16(v, a.maximum)
}

// cutUTF16 shortens a text to n UTF-16 units, which is what MaxLength counts.
func cutUTF16(v *value, n int) {
	if len(v.text) <= n {
		return
	}
	units := 0
	for i := 0; i < len(v.text); {
		r, size := utf8.DecodeRune(v.text[i:])
		units++
		if r > 0xffff {
			units++
		}
		if units > n {
			v.text = v.text[:i]
			return
		}
		i += size
	}
}

// addressGenerator makes the parts of an address. The second and further
// addresses are mostly empty.
func (t *table) addressGenerator(a *attribute, salt uint64) generator {
	empty := 5
	if !strings.HasPrefix(a.name, "address1_") {
		empty = 85
	}
	_, part, _ := strings.Cut(a.name, "_")
	g := func(row int, v *value) {
		p := t.place(row)
		switch part {
		case "city":
			v.setText(p.city)
		case "country":
			v.setText(p.country)
		case "stateorprovince":
			v.setText(p.state)
		case "postalcode":
			v.setText(p.postal)
		case "line1":
			v.kind, v.text = kindText, t.appendStreet(v.text[:0], row)
		case "composite":
			v.kind, v.text = kindText, t.appendStreet(v.text[:0], row)
			v.text = append(v.text, "\r\n"...)
			v.text = append(v.text, p.city...)
			if p.postal != "" {
				v.text = append(append(v.text, ' '), p.postal...)
			}
			v.text = append(append(v.text, "\r\n"...), p.country...)
		case "telephone1":
			v.kind, v.text = kindText, t.appendPhone(v.text[:0], row, salt)
		default:
			v.null()
			return
		}
		if len(v.text) == 0 {
			v.null()
		}
		cutUTF16(v, a.maximum)
	}
	// One decision for the whole address.
	whole := hashString(strings.TrimSuffix(a.name, part))
	return sparse(t, whole, empty, g)
}

func (t *table) appendStreet(b []byte, row int) []byte {
	h := t.hash(row, 0xb2)
	b = strconv.AppendInt(b, int64(1+below(h, 300)), 10)
	b = append(b, ' ')
	return append(b, streets[below(mix(h), len(streets))]...)
}

func (t *table) appendPhone(b []byte, row int, salt uint64) []byte {
	b = append(b, t.place(row).dial...)
	b = append(b, ' ', '0', '1')
	n := below(t.hash(row, mix(salt)+1), 100)
	return append(b, byte('0'+n/10), byte('0'+n%10))
}

// appendEmail adds an address that belongs to the row alone.
func (t *table) appendEmail(b []byte, row int, domain string) []byte {
	first, last := t.person(row)
	b = append(b, first.plain...)
	b = append(b, '.')
	b = append(b, last.plain...)
	b = strconv.AppendInt(b, int64(row), 10)
	b = append(b, '@')
	return append(b, domain...)
}

// person returns the names of who a row stands for.
func (t *table) person(row int) (first, last *word) {
	h := t.hash(row, 0xaa)
	if row > 2 && h>>8%25 == 0 {
		i := 2 * below(h, len(otherNames)/2)
		return &otherNames[i], &otherNames[i+1]
	}
	return &firstNames[below(h, len(firstNames))], &lastNames[below(mix(h), len(lastNames))]
}

func (t *table) appendFullName(b []byte, row int) []byte {
	first, last := t.person(row)
	b = append(b, first.text...)
	b = append(b, ' ')
	return append(b, last.text...)
}

// appendCompany adds the name of a company.
func (t *table) appendCompany(b []byte, row int) []byte {
	h := t.hash(row, 0xac)
	first := companyFirst[below(h, len(companyFirst))].text
	second := companySecond[below(mix(h), len(companySecond))].text
	suffix := companySuffix[below(mix(h+1), len(companySuffix))]
	odd := h % 97
	if row < 10 {
		odd = 0
	}
	switch odd {
	case 13:
		b = append(b, "Müller & Söhne 🚀 "...)
	case 29:
		b = append(b, "חברת "...)
	case 41:
		b = append(b, `O'Brien "Best Price" \ `...)
	case 53:
		b = append(append(b, first...), " Association of "...)
		for len(b) < 140 {
			h = mix(h)
			b = append(append(b, companySecond[below(h, len(companySecond))].text...), ", "...)
		}
		return append(b, second...)
	}
	b = append(b, first...)
	b = append(b, ' ')
	b = append(b, second...)
	b = append(b, ' ')
	return append(b, suffix...)
}
