package sandbox

import (
	"encoding/xml"
	"strings"
)

// The types that all others inherit from, and the functions with their
// answers.
const (
	csdlTypes = `<EntityType Name="crmbaseentity" Abstract="true" />` +
		`<EntityType Name="crmmodelbaseentity" BaseType="mscrm:crmbaseentity" Abstract="true" />` +
		`<EntityType Name="expando" BaseType="mscrm:crmbaseentity" OpenType="true"><Key><PropertyRef Name="expandoid" /></Key>` +
		`<Property Name="expandoid" Type="Edm.Guid" Nullable="false" /></EntityType>` +
		`<EntityType Name="principal" BaseType="mscrm:crmbaseentity"><Key><PropertyRef Name="ownerid" /></Key>` +
		`<Property Name="ownerid" Type="Edm.Guid" Nullable="false" /></EntityType>`
	csdlFunctions = `<EnumType Name="EndpointAccessType"><Member Name="Default" Value="0" /><Member Name="Internet" Value="1" /><Member Name="Intranet" Value="2" /></EnumType>` +
		`<EnumType Name="EndpointType"><Member Name="OrganizationService" Value="0" /><Member Name="OrganizationDataService" Value="1" /><Member Name="WebApplication" Value="2" /></EnumType>` +
		`<EnumType Name="OrganizationState"><Member Name="Enabled" Value="0" /><Member Name="Disabled" Value="1" /></EnumType>` +
		`<ComplexType Name="WhoAmIResponse"><Property Name="BusinessUnitId" Type="Edm.Guid" Nullable="false" /><Property Name="UserId" Type="Edm.Guid" Nullable="false" />` +
		`<Property Name="OrganizationId" Type="Edm.Guid" Nullable="false" /></ComplexType>` +
		`<ComplexType Name="RetrieveVersionResponse"><Property Name="Version" Type="Edm.String" Unicode="false" /></ComplexType>` +
		`<ComplexType Name="EntityRecordCountCollection"><Property Name="Count" Type="Edm.Int32" Nullable="false" /><Property Name="IsReadOnly" Type="Edm.Boolean" Nullable="false" />` +
		`<Property Name="Keys" Type="Collection(Edm.String)" Unicode="false" /><Property Name="Values" Type="Collection(Edm.Int64)" /></ComplexType>` +
		`<ComplexType Name="RetrieveTotalRecordCountResponse"><Property Name="EntityRecordCountCollection" Type="mscrm:EntityRecordCountCollection" /></ComplexType>` +
		`<ComplexType Name="EndpointCollection"><Property Name="Count" Type="Edm.Int32" Nullable="false" /><Property Name="IsReadOnly" Type="Edm.Boolean" Nullable="false" />` +
		`<Property Name="Keys" Type="Collection(mscrm:EndpointType)" /><Property Name="Values" Type="Collection(Edm.String)" Unicode="false" /></ComplexType>` +
		`<ComplexType Name="OrganizationDetail"><Property Name="OrganizationId" Type="Edm.Guid" Nullable="false" /><Property Name="FriendlyName" Type="Edm.String" Unicode="false" />` +
		`<Property Name="OrganizationVersion" Type="Edm.String" Unicode="false" /><Property Name="EnvironmentId" Type="Edm.String" Unicode="false" />` +
		`<Property Name="DatacenterId" Type="Edm.String" Unicode="false" /><Property Name="Geo" Type="Edm.String" Unicode="false" /><Property Name="TenantId" Type="Edm.String" Unicode="false" />` +
		`<Property Name="UrlName" Type="Edm.String" Unicode="false" /><Property Name="UniqueName" Type="Edm.String" Unicode="false" />` +
		`<Property Name="Endpoints" Type="mscrm:EndpointCollection" /><Property Name="State" Type="mscrm:OrganizationState" Nullable="false" /></ComplexType>` +
		`<ComplexType Name="RetrieveCurrentOrganizationResponse"><Property Name="Detail" Type="mscrm:OrganizationDetail" /></ComplexType>` +
		`<Function Name="WhoAmI"><ReturnType Type="mscrm:WhoAmIResponse" Nullable="false" /></Function>` +
		`<Function Name="RetrieveVersion"><ReturnType Type="mscrm:RetrieveVersionResponse" Nullable="false" /></Function>` +
		`<Function Name="RetrieveTotalRecordCount"><Parameter Name="EntityNames" Type="Collection(Edm.String)" Nullable="false" Unicode="false" />` +
		`<ReturnType Type="mscrm:RetrieveTotalRecordCountResponse" Nullable="false" /></Function>` +
		`<Function Name="RetrieveCurrentOrganization"><Parameter Name="AccessType" Type="mscrm:EndpointAccessType" Nullable="false" />` +
		`<ReturnType Type="mscrm:RetrieveCurrentOrganizationResponse" Nullable="false" /></Function>`
	csdlImports = `<FunctionImport Name="WhoAmI" Function="Microsoft.Dynamics.CRM.WhoAmI" /><FunctionImport Name="RetrieveVersion" Function="Microsoft.Dynamics.CRM.RetrieveVersion" />` +
		`<FunctionImport Name="RetrieveTotalRecordCount" Function="Microsoft.Dynamics.CRM.RetrieveTotalRecordCount" />` +
		`<FunctionImport Name="RetrieveCurrentOrganization" Function="Microsoft.Dynamics.CRM.RetrieveCurrentOrganization" />`
)

// csdl answers for $metadata: the service's model in XML, with the types that
// others inherit from (OData CSDL 4.0). With annotations=true it also says
// what columns are called, which are computed and which tables keep track of
// changes.
func (c *call) csdl() error {
	if len(c.path) > 1 {
		return noSegment(c.path[1].name)
	}
	text, _ := c.custom("annotations")
	m := &model{catalog: c.data.catalog, annotated: text == "true"}
	c.w.Header().Set("Content-Type", "application/xml")
	out := c.begin()
	out.buf = append(out.buf, `<?xml version="1.0" encoding="utf-8"?><edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">`...)
	for _, v := range [][2]string{
		{"Org.OData.Core.V1", "Core"}, {"Org.OData.Capabilities.V1", "Capabilities"}, {"OData.Community.Keys.V1", "Keys"}, {"OData.Community.Display.V1", "Display"},
	} {
		out.buf = append(out.buf, `<edmx:Reference Uri="http://vocabularies.odata.org/`+strings.ReplaceAll(v[0], ".", "/")+`.xml"><edmx:Include Namespace="`+v[0]+`" Alias="`+v[1]+`" /></edmx:Reference>`...)
	}
	out.buf = append(out.buf, `<edmx:DataServices><Schema Namespace="Microsoft.Dynamics.CRM" Alias="mscrm" xmlns="http://docs.oasis-open.org/odata/ns/edm">`+csdlTypes...)
	for _, e := range m.catalog.entities {
		m.entityType(e)
		out.buf = append(out.buf, m.b.String()...)
		m.b.Reset()
		out.flush()
	}
	out.buf = append(out.buf, csdlFunctions+`<EntityContainer Name="System">`...)
	for _, e := range m.catalog.entities {
		m.entitySet(e)
		out.buf = append(out.buf, m.b.String()...)
		m.b.Reset()
		out.flush()
	}
	out.buf = append(out.buf, csdlImports+`</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>`...)
	return out.close()
}

// model writes the service's model.
type model struct {
	catalog   *catalog
	annotated bool
	b         strings.Builder
}

func (m *model) annotation(term, kind, value string) {
	m.b.WriteString(`<Annotation Term="` + term + `" ` + kind + `="`)
	_ = xml.EscapeText(&m.b, []byte(value)) // a strings.Builder does not fail
	m.b.WriteString(`" />`)
}

func (m *model) entityType(e *entity) {
	m.b.WriteString(`<EntityType Name="` + e.name + `" BaseType="mscrm:` + e.base + `">`)
	if e.base == "crmbaseentity" {
		m.b.WriteString(`<Key><PropertyRef Name="` + e.key.name + `" /></Key>`)
	}
	for _, a := range e.attributes {
		if a.readable && !a.inherited && !(e.principal && a.name == "ownerid") {
			m.property(e, a)
		}
	}
	for _, n := range m.catalog.navigations(e) {
		m.navigation(n)
	}
	if keys := e.raw.list("Keys"); len(keys) > 0 {
		m.b.WriteString(`<Annotation Term="OData.Community.Keys.V1.AlternateKeys"><Collection>`)
		for _, v := range keys {
			m.b.WriteString(`<Record Type="OData.Community.Keys.V1.AlternateKey"><PropertyValue Property="Key"><Collection>`)
			for _, name := range v.(object).list("KeyAttributes") {
				if a := e.byName[name.(string)]; a != nil {
					m.b.WriteString(`<Record Type="OData.Community.Keys.V1.PropertyRef"><PropertyValue Property="Alias" String="` + a.member +
						`" /><PropertyValue Property="Name" PropertyPath="` + a.member + `" /></Record>`)
				}
			}
			m.b.WriteString(`</Collection></PropertyValue></Record>`)
		}
		m.b.WriteString(`</Collection></Annotation>`)
	}
	m.b.WriteString(`</EntityType>`)
}

func (m *model) property(e *entity, a *attribute) {
	edm := edmType(a)
	m.b.WriteString(`<Property Name="` + a.member + `" Type="` + edm + `"`)
	switch edm {
	case "Edm.String":
		m.b.WriteString(` Unicode="false"`)
	case "Edm.Decimal":
		m.b.WriteString(` Scale="Variable"`)
	}
	if a == e.key {
		m.b.WriteString(` Nullable="false"`)
	}
	if !m.annotated {
		m.b.WriteString(` />`)
		return
	}
	m.b.WriteString(`>`)
	if name := a.raw.text("DisplayName"); name != "" {
		m.annotation("Org.OData.Core.V1.Description", "String", name)
	}
	if !a.raw.bool("IsValidForCreate") && !a.raw.bool("IsValidForUpdate") {
		m.annotation("Org.OData.Core.V1.Computed", "Bool", "true")
	}
	m.b.WriteString(`</Property>`)
}

func (m *model) navigation(n navigation) {
	m.b.WriteString(`<NavigationProperty Name="` + n.name + `" Type="`)
	switch {
	case n.attribute == "":
		m.b.WriteString(`Collection(mscrm:` + n.target.name + `)"`)
	case n.target == nil:
		m.b.WriteString(`mscrm:principal"`)
	default:
		m.b.WriteString(`mscrm:` + n.target.name + `"`)
	}
	if n.partner != "" {
		m.b.WriteString(` Partner="` + n.partner + `"`)
	}
	if n.attribute == "" {
		m.b.WriteString(` />`)
		return
	}
	key := "ownerid"
	if n.target != nil && !n.target.principal {
		key = n.target.key.name
	}
	m.b.WriteString(`><ReferentialConstraint Property="_` + n.attribute + `_value" ReferencedProperty="` + key + `" /></NavigationProperty>`)
}

func (m *model) entitySet(e *entity) {
	m.b.WriteString(`<EntitySet Name="` + e.set + `" EntityType="Microsoft.Dynamics.CRM.` + e.name + `">`)
	for _, n := range m.catalog.navigations(e) {
		if n.target != nil {
			m.b.WriteString(`<NavigationPropertyBinding Path="` + n.name + `" Target="` + n.target.set + `" />`)
		}
	}
	if m.annotated {
		value := "false"
		if e.raw.bool("ChangeTrackingEnabled") {
			value = "true"
		}
		m.b.WriteString(`<Annotation Term="Org.OData.Capabilities.V1.ChangeTracking"><Record><PropertyValue Property="Supported" Bool="` + value + `" /></Record></Annotation>`)
	}
	m.b.WriteString(`</EntitySet>`)
}

// navigation is one navigation property.
type navigation struct {
	name      string
	attribute string  // the lookup, "" for a collection
	target    *entity // nil for an owner
	partner   string
}

// navigations returns the navigation properties of a type to tables that are
// here, without those its base type has.
func (c *catalog) navigations(e *entity) []navigation {
	var list []navigation
	seen := map[string]bool{}
	if base := c.byName[e.base]; base != nil {
		for _, n := range c.navigations(base) {
			seen[n.name] = true
		}
	}
	partners := map[string]string{}
	for _, v := range e.raw.list("ManyToOneRelationships") {
		r := v.(object)
		partners[r.text("ReferencingEntityNavigationPropertyName")] = r.text("ReferencedEntityNavigationPropertyName")
	}
	for _, a := range e.attributes {
		if !a.readable || !a.lookup() {
			continue
		}
		if a.typeName == "OwnerType" {
			if !seen[a.name] {
				seen[a.name] = true
				list = append(list, navigation{name: a.name, attribute: a.name})
			}
			continue
		}
		for _, name := range a.targets {
			target := c.byName[name]
			nav := e.navigationTo(a, name)
			if target == nil || seen[nav] {
				continue
			}
			seen[nav] = true
			list = append(list, navigation{nav, a.name, target, partners[nav]})
		}
	}
	for _, v := range e.raw.list("OneToManyRelationships") {
		r := v.(object)
		nav := r.text("ReferencedEntityNavigationPropertyName")
		of := c.byName[r.text("ReferencingEntity")]
		if of == nil || nav == "" || seen[nav] {
			continue
		}
		if a := of.byName[r.text("ReferencingAttribute")]; a == nil || !a.readable || !a.lookup() {
			continue
		}
		seen[nav] = true
		list = append(list, navigation{name: nav, target: of, partner: r.text("ReferencingEntityNavigationPropertyName")})
	}
	return list
}
