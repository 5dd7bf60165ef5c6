package crosswalk

// StandardObjects returns the objects that Crosswalk makes at its first start,
// sorted by name. The caller may change the result.
func StandardObjects() []Object {
	return []Object{
		standard("Company",
			text("Name", 250).required(),
			text("External ID", 100),
			text("Account Number", 100),
			text("Industry", 100).dropdown(),
			number("Employees", 0),
			currency("ARR"), currency("MRR"), currency("Annual Revenue"),
			text("Stage", 100).dropdown(),
			text("Status", 100).dropdown(),
			field("Managed As", FieldDropdown).options("Customer", "Ex-customer", "Partner", "Prospect"),
			lookup("CSM", "User"), lookup("Parent Company", "Company"),
			text("Phone", 50),
			field("Website", FieldURL).length(500),
			text("City", 100), text("Country", 100),
			field("Description", FieldRichText),
			field("Renewal Date", FieldDate), field("Original Contract Date", FieldDate),
			number("Lifecycle in Months", 0), number("NPS", 0),
			field("Source Created On", FieldDateTime), field("Source Modified On", FieldDateTime),
		),
		standard("Company Person",
			text("Name", 250),
			lookup("Person", "Person"), lookup("Company", "Company"),
			text("Title", 250), text("Role", 100).dropdown(),
			field("Email", FieldEmail).length(254),
			lookup("Manager", "Company_Person"),
			field("Is Primary", FieldBoolean), field("Is Active", FieldBoolean),
			text("External ID", 100),
		),
		standard("Person",
			text("Name", 250), text("First Name", 100), text("Last Name", 100),
			field("Email", FieldEmail).length(254),
			text("Phone", 50),
			field("LinkedIn", FieldURL).length(500),
			text("Timezone", 100),
			text("External ID", 100),
		),
		standard("Relationship",
			text("Name", 250),
			lookup("Company", "Company"),
			text("Type", 100).dropdown(), text("Status", 100).dropdown(),
			currency("ARR"),
			lookup("CSM", "User"),
			text("External ID", 100),
		),
		standard("Relationship Person",
			lookup("Relationship", "Relationship"), lookup("Company Person", "Company_Person"),
			text("Role", 100).dropdown(),
			field("Is Primary", FieldBoolean), field("Is Active", FieldBoolean),
			text("External ID", 100),
		),
		standard("User",
			text("First Name", 100), text("Last Name", 100), text("Name", 250),
			field("Email", FieldEmail).length(254),
			text("Username", 254),
			text("External ID", 100),
			text("Title", 250), text("Timezone", 100),
			field("Is Active", FieldBoolean),
			text("Company ID", 100),
			field("License Enabled", FieldBoolean),
			lookup("Manager", "User"),
		),
	}
}

// isStandardField reports whether the field is one that Crosswalk gave the
// standard object, both by their API names: it can be neither renamed, retyped
// nor removed.
func isStandardField(object, field string) bool {
	for _, o := range StandardObjects() {
		if o.Name == object {
			return o.Field(field) != nil
		}
	}
	return false
}

type fieldBuilder struct{ f Field }

func field(display string, t FieldType) fieldBuilder {
	return fieldBuilder{Field{Name: APIName(display), DisplayName: display, Type: t}}
}
func text(display string, max int) fieldBuilder { return field(display, FieldString).length(max) }
func currency(display string) fieldBuilder      { return field(display, FieldCurrency).decimals(2) }

func number(display string, dec int) fieldBuilder { return field(display, FieldNumber).decimals(dec) }

func lookup(display, object string) fieldBuilder {
	b := field(display, FieldLookup)
	b.f.Lookup = object
	return b
}

func (b fieldBuilder) length(n int) fieldBuilder   { b.f.MaxLength = n; return b }
func (b fieldBuilder) decimals(n int) fieldBuilder { b.f.Decimals = n; return b }
func (b fieldBuilder) required() fieldBuilder      { b.f.Required = true; return b }
func (b fieldBuilder) dropdown() fieldBuilder      { b.f.Type = FieldDropdown; return b }
func (b fieldBuilder) options(o ...string) fieldBuilder {
	b.f.Options = o
	return b
}

func standard(display string, fields ...fieldBuilder) Object {
	o := Object{Name: APIName(display), DisplayName: display, Standard: true, Fields: systemFields()}
	for _, b := range fields {
		o.Fields = append(o.Fields, b.f)
	}
	return o
}
