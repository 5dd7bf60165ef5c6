package dataverse

import (
	"errors"
	"io"

	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// maxFull is how many times a page that seems to be cut is requested again, each
// time with one record fewer.
const maxFull = 3

// errFull reports a page that holds exactly as many records as were requested and
// says that no more follow. If that is true, a page of one record fewer has a
// link to the last record; if the page was cut, it seldom has one.
var errFull = errors.New("the page is full and says that it is the last one")

// decodePage decodes a page of at most size records. One that may have been cut
// is errFull, and nothing of it stays.
func decodePage(cols *odata.Columns, body io.Reader, into *column.Batch, size int) (odata.Page, error) {
	page, err := cols.DecodePage(body, into)
	if err == nil && page.NextLink == "" && page.DeltaLink == "" && page.Records == size && size > 1 {
		into.Truncate(into.Rows() - page.Records)
		return odata.Page{}, errFull
	}
	return page, err
}
