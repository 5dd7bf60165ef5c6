package odata

import (
	"fmt"
	"io"
	"strconv"

	"github.com/crosswalk-data/crosswalk/internal/column"
)

// What a scanning method returns in place of the index after what it read.
const (
	short  = -1 // the window ends before the value does
	failed = -2 // d.err says why
)

// state is where in a page the decoder stands. A page is read in units: the
// opening brace, a member other than the records, a record, the closing brace. A
// unit that the window cuts off is rewound and read again once the window holds
// more, so that no state inside a unit has to survive a refill.
type state uint8

const (
	atOpen        state = iota // before the page's opening brace
	atFirstMember              // after it
	atMember                   // after a member of the page
	atFirstRecord              // after the opening bracket of the records
	atRecord                   // after a record
	atEnd                      // after the page's closing brace
)

// decoder reads one page at a time. Its window and its predictions survive
// from page to page.
type decoder struct {
	columns *Columns
	window  int
	plans   [][]prediction // by node
	scratch []byte         // an unescaped key

	r       io.Reader
	batch   *column.Batch
	rows0   int // rows of the batch before the page
	page    Page
	removal removal // what the present record says about being a deletion
	value   bool    // the records have been seen
	depth   int     // how many values a member of the present object lies in
	state   state
	err     error

	buf  []byte // window; buf[n] is 0, which no value contains, so that most scans need no bounds check
	pos  int    // start of the present unit
	n    int    // end of the bytes read
	base int64  // bytes of the page before buf[0]
	eof  bool
}

// prediction is a key as sent, quotes and colon included, and what it stands for.
type prediction struct {
	key    string
	column int // or skipped or nested
	sign   sign
}

// What a key stands for when it is not a column.
const (
	skipped = -1 // nothing
	unknown = -2 // not looked up yet
	nested  = -3 // node 0; node n is nested-n
)

func newDecoder(c *Columns, window int) *decoder {
	return &decoder{columns: c, window: window, plans: make([][]prediction, len(c.nodes))}
}

func (d *decoder) reset(r io.Reader, b *column.Batch) {
	d.r, d.batch, d.rows0 = r, b, b.Rows()
	d.page = Page{Count: -1}
	d.value, d.eof, d.err, d.state = false, false, nil, atOpen
	d.pos, d.n, d.base = 0, 0, 0
	if len(d.buf) <= d.window {
		d.buf = make([]byte, d.window+1)
	}
	d.buf[0] = 0
}

func (d *decoder) release() {
	d.r, d.batch = nil, nil
	if len(d.buf) > keepBuffer {
		d.buf = nil
	}
	d.columns.free.Put(d)
}

func (d *decoder) run() error {
	for {
		switch i := d.unit(); i {
		case failed:
			return d.err
		case short:
			if d.state == atEnd && d.eof {
				return nil
			}
			d.batch.Truncate(d.batch.Rows())
			if err := d.refill(); err != nil {
				return err
			}
		default:
			d.pos = i
		}
	}
}

// refill moves the present unit to the front of the window, enlarges the window
// when the unit fills it, and reads until it is full.
func (d *decoder) refill() error {
	if d.eof {
		if d.n == 0 && d.base == 0 {
			return fmt.Errorf("the body is empty: %w", io.ErrUnexpectedEOF)
		}
		return fmt.Errorf("the page ends in the middle: %w", io.ErrUnexpectedEOF)
	}
	size := len(d.buf) - 1
	switch {
	case d.pos > 0:
		copy(d.buf, d.buf[d.pos:d.n])
		d.base += int64(d.pos)
		d.n -= d.pos
		d.pos = 0
	case d.n >= maxUnit:
		return &PageError{Offset: d.base, Message: fmt.Sprintf("a record is larger than %d MB", maxUnit>>20)}
	case d.n == size:
		size = min(2*size, maxUnit)
		d.buf = append(make([]byte, 0, size+1), d.buf[:d.n]...)[:size+1]
	}
	for idle := 0; d.n < size && !d.eof; {
		n, err := d.r.Read(d.buf[d.n:size])
		d.n += n
		switch {
		case err == io.EOF:
			d.eof = true
		case err != nil:
			return fmt.Errorf("read page: %w", err)
		case n > 0:
			idle = 0
		default:
			if idle++; idle > 100 {
				return fmt.Errorf("read page: %w", io.ErrNoProgress)
			}
		}
	}
	d.buf[d.n] = 0
	return nil
}

// unit reads the next unit and returns the index after it.
func (d *decoder) unit() int {
	i := d.space(d.pos)
	switch d.state {
	case atOpen:
		if d.buf[i] != '{' {
			return d.bad(i, "no object begins")
		}
		d.state = atFirstMember
		return i + 1
	case atFirstMember:
		if d.buf[i] == '}' {
			return d.close(i)
		}
		return d.member(i)
	case atMember:
		switch d.buf[i] {
		case '}':
			return d.close(i)
		case ',':
			return d.member(d.space(i + 1))
		}
		return d.bad(i, "no comma or brace follows a member")
	case atFirstRecord:
		if d.buf[i] == ']' {
			d.state = atMember
			return i + 1
		}
		return d.record(i)
	case atRecord:
		switch d.buf[i] {
		case ']':
			d.state = atMember
			return i + 1
		case ',':
			return d.record(d.space(i + 1))
		}
		return d.bad(i, "no comma or bracket follows a record")
	default:
		return d.bad(i, "something follows the page")
	}
}

func (d *decoder) close(i int) int {
	if !d.value {
		return d.bad(i, "the page has no records")
	}
	d.state = atEnd
	return i + 1
}

// record reads the record that begins at i.
func (d *decoder) record(i int) int {
	if d.buf[i] != '{' {
		return d.bad(i, "a record is not an object")
	}
	d.removal, d.depth = removal{}, 2
	if i = d.object(i, 0); i < 0 {
		return i
	}
	if d.removal.signs != 0 && d.removed() {
		id, ok := d.removedID()
		if !ok {
			return d.bad(i-1, "a deletion does not say what was deleted")
		}
		d.batch.Truncate(d.batch.Rows())
		d.page.Deleted = append(d.page.Deleted, Deletion{ID: id, Records: d.batch.Rows() - d.rows0})
	} else {
		d.batch.EndRow()
	}
	d.state = atRecord
	return i
}

// member reads a member of the page itself, whose key begins at i.
func (d *decoder) member(i int) int {
	key, i := d.key(i)
	if i < 0 {
		return i
	}
	switch i = d.space(i); string(key) {
	case memberValue:
		if d.buf[i] != '[' {
			return d.bad(i, "the records are not an array")
		}
		if d.value {
			return d.bad(i, "the page has records twice")
		}
		d.value = true
		d.state = atFirstRecord
		return i + 1
	case memberError:
		end := d.skip(i, 1)
		if end >= 0 {
			d.err = ParseError(200, "application/json", append(append([]byte(`{"error":`), d.buf[i:end]...), '}'))
			return failed
		}
		return end
	case memberNextLink:
		i = d.pageText(i, &d.page.NextLink)
	case memberDeltaLink:
		i = d.pageText(i, &d.page.DeltaLink)
	case memberMetadataVersion:
		i = d.pageText(i, &d.page.MetadataVersion)
	case memberCount:
		i = d.pageCount(i)
	default:
		i = d.skip(i, 1)
	}
	if i >= 0 {
		d.state = atMember
	}
	return i
}

// pageText reads the text, number or null at i into s.
func (d *decoder) pageText(i int, s *string) int {
	if d.buf[i] == '"' {
		end, plain := d.text(i)
		if end < 0 {
			return end
		}
		if plain {
			*s = string(d.buf[i+1 : end])
		} else {
			*s = string(appendUnescaped(nil, d.buf[i+1:end]))
		}
		return end + 1
	}
	end := d.skip(i, 1)
	if end < 0 {
		return end
	}
	switch c := d.buf[i]; {
	case c == 'n':
		*s = ""
	case c == '-' || isDigit(c):
		*s = string(d.buf[i:end])
	default:
		return d.bad(i, "an annotation of the page is not a text")
	}
	return end
}

// pageCount reads @odata.count, which some servers send as a string.
func (d *decoder) pageCount(i int) int {
	var s string
	end := d.pageText(i, &s)
	if end < 0 {
		return end
	}
	d.page.Count = -1
	if s == "" {
		return end
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return d.bad(i, "the count is not a number")
	}
	d.page.Count = n
	return end
}

// bad notes a syntax error at i, unless that is only the end of the window.
func (d *decoder) bad(i int, message string) int {
	if i >= d.n {
		return short
	}
	d.err = &PageError{Offset: d.base + int64(i), Message: message}
	return failed
}
