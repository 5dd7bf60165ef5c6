package sandbox

import (
	"slices"
	"strings"

	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// maxElasticPage is the largest page of an elastic table by FetchXML, and by
// those documents that do not say 5,000 for others too.
const maxElasticPage = 500

// elastic tells whether the rows are kept in the other kind of database, by
// partition: a key is unique within one alone (use-elastic-tables.md).
func (t *table) elastic() bool { return t.textual && t.raw.text("TableType") == "Elastic" }

// pages returns how many rows a page of the table holds.
func (c *call) pages(t *table) int {
	size := c.prefer.pages()
	if c.prefer.unverified.ShortElasticPages && t.elastic() {
		size = min(size, maxElasticPage)
	}
	return size
}

// partyList reports whether a name is that of a party list, which is not a column.
func (t *table) partyList(name string) bool {
	a := t.byName[name]
	return a != nil && a.typeName == "PartyListType"
}

// turnRound puts the last value of a multi-select choice first.
func (v *value) turnRound() {
	if v.kind != kindText {
		return
	}
	parts := strings.Split(string(v.text), ",")
	slices.Reverse(parts)
	v.setText(strings.Join(parts, ","))
}

// byText has the key among columns that are ordered by sort by its text.
func byText(t *table, columns []orderColumn) {
	for i := range columns {
		if columns[i].attribute == t.key && columns[i].related == nil {
			columns[i].textual = true
		}
	}
}

// idRange tells whether a comparison puts ids in an order.
func (t *table) idRange(e *odata.Comparison) bool {
	if e.Op == odata.Eq || e.Op == odata.Ne {
		return false
	}
	for _, side := range []odata.Operand{e.Left, e.Right} {
		if path, ok := side.(odata.Path); ok {
			r, err := t.property(path)
			return err == nil && edmType(r.attribute) == "Edm.Guid"
		}
	}
	return false
}
