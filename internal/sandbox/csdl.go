package sandbox

import (
	"encoding/xml"
	"strings"
)

// csdl answers for $metadata: the service's model in XML, with the types that
// others inherit from (OData CSDL 4.0).
func (c *call) csdl() error {
	if len(c.path) > 1 {
		return noSegment(c.path[1].name)
	}
	c.w.Header().Set("Content-Type", "application/xml")
	out := c.begin()
	out.buf = append(out.buf, `<?xml version="1.0" encoding="utf-8"?><edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>`+
		`<Schema Namespace="Microsoft.Dynamics.CRM" Alias="mscrm" xmlns="http://docs.oasis-open.org/odata/ns/edm">`+
		`<EntityType Name="crmbaseentity" Abstract="true" />`+
		`<EntityType Name="principal" BaseType="mscrm:crmbaseentity"><Key><PropertyRef Name="ownerid" /></Key><Property Name="ownerid" Type="Edm.Guid" /></EntityType>`...)
	for _, e := range c.data.catalog.entities {
		out.buf = append(out.buf, c.entityType(e)...)
		out.flush()
	}
	out.buf = append(out.buf, `<EntityContainer Name="System">`...)
	for _, e := range c.data.catalog.entities {
		out.buf = append(out.buf, `<EntitySet Name="`+e.set+`" EntityType="Microsoft.Dynamics.CRM.`+e.name+`">`...)
		for _, n := range c.data.catalog.navigations(e) {
			out.buf = append(out.buf, `<NavigationPropertyBinding Path="`+n.name+`" Target="`+n.target.set+`" />`...)
		}
		out.buf = append(out.buf, `</EntitySet>`...)
	}
	out.buf = append(out.buf, `</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>`...)
	return out.close()
}

func (c *call) entityType(e *entity) string {
	var b strings.Builder
	base := "crmbaseentity"
	if e.principal {
		base = "principal"
	}
	b.WriteString(`<EntityType Name="` + e.name + `" BaseType="mscrm:` + base + `">`)
	if !e.principal {
		b.WriteString(`<Key><PropertyRef Name="` + e.key.name + `" /></Key>`)
	}
	for _, a := range e.attributes {
		if !a.readable || e.principal && a.name == "ownerid" {
			continue
		}
		b.WriteString(`<Property Name="` + a.member + `" Type="` + edmType(a) + `"`)
		switch edmType(a) {
		case "Edm.String":
			b.WriteString(` Unicode="false"`)
		case "Edm.Decimal":
			b.WriteString(` Scale="Variable"`)
		}
		b.WriteString(` />`)
	}
	for _, n := range c.data.catalog.navigations(e) {
		b.WriteString(`<NavigationProperty Name="`)
		_ = xml.EscapeText(&b, []byte(n.name)) // a strings.Builder does not fail
		b.WriteString(`" Type="mscrm:` + n.target.name + `"><ReferentialConstraint Property="_` + n.attribute + `_value" ReferencedProperty="` + n.target.key.name + `" /></NavigationProperty>`)
	}
	b.WriteString(`</EntityType>`)
	return b.String()
}

type navigation struct {
	name, attribute string
	target          *entity
}

// navigations returns the single-valued navigation properties to tables that
// are here.
func (c *catalog) navigations(e *entity) []navigation {
	var list []navigation
	seen := map[string]bool{}
	for _, a := range e.attributes {
		if !a.readable || !a.lookup() {
			continue
		}
		for _, name := range a.targets {
			target := c.byName[name]
			nav := e.navigationTo(a, name)
			if target == nil || seen[nav] {
				continue
			}
			seen[nav] = true
			list = append(list, navigation{nav, a.name, target})
		}
	}
	return list
}
