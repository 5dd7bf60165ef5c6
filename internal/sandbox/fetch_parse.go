package sandbox

import (
	"encoding/xml"
	"strings"
)

// fetchDocument is a query in FetchXML as it is written.
type fetchDocument struct {
	XMLName      xml.Name    `xml:"fetch"`
	Top          string      `xml:"top,attr"`
	Count        string      `xml:"count,attr"`
	Page         string      `xml:"page,attr"`
	PagingCookie string      `xml:"paging-cookie,attr"`
	Aggregate    string      `xml:"aggregate,attr"`
	Distinct     string      `xml:"distinct,attr"`
	Total        string      `xml:"returntotalrecordcount,attr"`
	DataSource   string      `xml:"datasource,attr"`
	Entity       fetchEntity `xml:"entity"`
}

// fetchEntity is the table a query reads, or one that is linked to it.
type fetchEntity struct {
	Name       string           `xml:"name,attr"`
	From       string           `xml:"from,attr"`
	To         string           `xml:"to,attr"`
	Alias      string           `xml:"alias,attr"`
	LinkType   string           `xml:"link-type,attr"`
	All        *struct{}        `xml:"all-attributes"`
	Attributes []fetchAttribute `xml:"attribute"`
	Orders     []fetchOrder     `xml:"order"`
	Filters    []fetchFilter    `xml:"filter"`
	Links      []fetchEntity    `xml:"link-entity"`
}

type fetchAttribute struct {
	Name         string `xml:"name,attr"`
	Alias        string `xml:"alias,attr"`
	Aggregate    string `xml:"aggregate,attr"`
	GroupBy      string `xml:"groupby,attr"`
	DateGrouping string `xml:"dategrouping,attr"`
	Distinct     string `xml:"distinct,attr"`
}

type fetchOrder struct {
	Attribute  string `xml:"attribute,attr"`
	Alias      string `xml:"alias,attr"`
	EntityName string `xml:"entityname,attr"`
	Descending string `xml:"descending,attr"`
}

type fetchFilter struct {
	Type       string           `xml:"type,attr"`
	Conditions []fetchCondition `xml:"condition"`
	Filters    []fetchFilter    `xml:"filter"`
	Links      []fetchEntity    `xml:"link-entity"` // that only ask whether there are rows
}

type fetchCondition struct {
	Attribute  string       `xml:"attribute,attr"`
	Operator   string       `xml:"operator,attr"`
	Value      *string      `xml:"value,attr"`
	EntityName string       `xml:"entityname,attr"`
	ValueOf    string       `xml:"valueof,attr"`
	Values     []fetchValue `xml:"value"`
}

type fetchValue struct {
	Text string `xml:",chardata"`
}

// texts returns the values of a condition.
func (f *fetchCondition) texts() []string {
	var list []string
	if f.Value != nil {
		list = append(list, *f.Value)
	}
	for _, v := range f.Values {
		list = append(list, v.Text)
	}
	return list
}

// maxLinks is how many link-entity elements one query can have.
const maxLinks = 15

func fetchFault(message string) *fault { return &fault{400, codeInvalidArgument, message} }

// parseFetch reads a query.
func parseFetch(text string) (*fetchDocument, error) {
	f := &fetchDocument{}
	d := xml.NewDecoder(strings.NewReader(text))
	d.CharsetReader = nil
	if err := d.Decode(f); err != nil {
		return nil, fetchFault("Invalid XML.")
	}
	if f.Entity.Name == "" {
		return nil, fetchFault("The entity element of FetchXML needs the attribute name.")
	}
	if n := countLinks(f.Entity.Links); n > maxLinks {
		return nil, fetchFault("Number of link entities in query exceeded maximum limit.")
	}
	return f, nil
}

func countLinks(links []fetchEntity) int {
	n := len(links)
	for i := range links {
		n += countLinks(links[i].Links)
	}
	return n
}

func isTrue(s string) bool { return s == "true" || s == "1" || s == "True" }
