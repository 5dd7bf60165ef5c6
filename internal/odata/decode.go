package odata

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/crosswalk-data/crosswalk/internal/column"
)

// Limits of the page decoder.
const (
	windowSize = 256 << 10 // bytes of a page that are looked at together
	maxUnit    = 64 << 20  // largest record or page annotation
	deepest    = 512       // levels of nesting of a value
	maxPlan    = 1024      // keys remembered as predictions
	keepBuffer = 4 << 20   // a window larger than this is not kept
)

// The members of a page.
const (
	memberValue           = "value"
	memberError           = "error"
	memberNextLink        = "@odata.nextLink"
	memberDeltaLink       = "@odata.deltaLink"
	memberCount           = "@odata.count"
	memberMetadataVersion = "@Microsoft.Dynamics.CRM.globalmetadataversion"
)

// Columns says which members of a record go to which columns of a batch. It is
// made once for a query and remembers from page to page in which order members
// come, which makes decoding fast. It is safe for concurrent use.
type Columns struct {
	specs []column.Spec
	nodes []node    // the record, then what its navigation properties hold
	next  []int     // column → next column of the same member, or -1
	free  sync.Pool // of *decoder
}

// node is an object that columns are filled from: the record itself, or one
// that lies in it.
type node struct {
	members map[string]int // member → its first column, or the node it holds, as nested
	columns []int          // those filled from it and from what lies in it
}

// NewColumns makes the columns of a query. The name of a spec is that of a member
// of the record, for example "name" or "_ownerid_value", or of an annotation, for
// example "_customerid_value@Microsoft.Dynamics.CRM.lookuplogicalname". Several
// columns may take the same member.
//
// Slashes lead into the objects of expanded navigation properties:
// "primarycontactid/emailaddress1". A navigation property that columns lead into
// is not a value itself: a column of its bare name stays null.
func NewColumns(specs []column.Spec) *Columns {
	c := &Columns{
		specs: append([]column.Spec(nil), specs...),
		nodes: []node{{members: map[string]int{}}},
		next:  make([]int, len(specs)),
	}
	for i := len(specs) - 1; i >= 0; i-- {
		c.next[i] = -1
		at, name := 0, specs[i].Name
		for {
			navigation, rest, deeper := strings.Cut(name, "/")
			if !deeper {
				break
			}
			at, name = c.within(at, navigation), rest
			c.nodes[at].columns = append(c.nodes[at].columns, i)
		}
		members := c.nodes[at].members
		j, ok := members[name]
		if ok && j <= nested {
			continue
		}
		if ok {
			c.next[i] = j
		}
		members[name] = i
	}
	c.free.New = func() any { return newDecoder(c, windowSize) }
	return c
}

// within returns the node that a member of node at holds, adding it when it is
// new.
func (c *Columns) within(at int, member string) int {
	if j, ok := c.nodes[at].members[member]; ok && j <= nested {
		return nested - j
	}
	c.nodes = append(c.nodes, node{members: map[string]int{}})
	n := len(c.nodes) - 1
	c.nodes[at].members[member] = nested - n
	return n
}

// Specs returns the specs that the columns were made from. The caller must not
// change them.
func (c *Columns) Specs() []column.Spec { return c.specs }

// Page is what a page holds besides its records.
type Page struct {
	Records         int        // records appended to the batch, deletions not counted
	Deleted         []Deletion // deletions in the order in which they came; only in changes
	NextLink        string     // link to the next page; empty on the last
	DeltaLink       string     // link to the changes after this walk; only on the last page of a tracked walk
	MetadataVersion string     // Dataverse's global metadata version; empty when it was not sent
	Count           int64      // @odata.count; -1 when it was not sent. Dataverse caps it at 5,000
}

// DecodePage reads a whole page from r and appends its records as rows to into,
// which must have been made with the same specs. A member that is missing or null
// becomes null, and so does everything inside it. When a member comes twice, the
// last one counts. Members that no column takes are checked and skipped.
//
// What a column takes depends on its kind:
//
//	Text     a string; also a number or a boolean, as its text
//	Decimal  a number, as its exact text, exponents included
//	Int      a number without fraction and exponent that fits an int64
//	Bool     true or false
//	Time     a string such as 2023-04-07T21:59:01Z; seconds and their fraction
//	         may be missing, and an offset may replace Z. Digits of the fraction
//	         beyond microseconds are dropped. Years are 0001 to 9999
//	Date     a string such as 2024-04-10
//	GUID     a string of 36 characters, in either case
//
// Any other value is a problem of its record alone: the column is null there, and
// the batch's Bad says what was sent. For a navigation property that does not hold
// an object, that is true of every column that leads into it.
//
// A page that is not well-formed JSON, or not a page, fails with a *PageError; one
// that ends early, with io.ErrUnexpectedEOF; and an error body sent as a page,
// with an *Error. Errors of r are returned wrapped. After an error the batch is as
// it was before the call.
//
// Text must be UTF-8; escaped lone surrogates become U+FFFD. A record must not
// exceed 64 MB.
func (c *Columns) DecodePage(r io.Reader, into *column.Batch) (Page, error) {
	if err := c.check(into); err != nil {
		return Page{}, err
	}
	d := c.free.Get().(*decoder)
	defer d.release()
	rows := into.Rows()
	d.reset(r, into)
	if err := d.run(); err != nil {
		into.Truncate(rows)
		return Page{}, err
	}
	d.page.Records = into.Rows() - rows
	return d.page, nil
}

func (c *Columns) check(b *column.Batch) error {
	if len(b.Columns) != len(c.specs) {
		return fmt.Errorf("odata: a batch of %d columns was handed to a decoder of %d", len(b.Columns), len(c.specs))
	}
	for i := range b.Columns {
		if b.Columns[i].Kind != c.specs[i].Kind {
			return fmt.Errorf("odata: column %d of the batch is %v, not %v", i, b.Columns[i].Kind, c.specs[i].Kind)
		}
	}
	return nil
}

// PageError reports a body that is not a page.
type PageError struct {
	Offset  int64  // bytes before the error
	Message string // what is wrong
}

// Error returns the message and the place.
func (e *PageError) Error() string {
	return fmt.Sprintf("malformed page: %s at byte %d", e.Message, e.Offset)
}
