package crosswalk

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The limits of an object's definition.
const (
	RecommendedFields = 200 // more draw a warning
	// MaxFields keeps a row within a page of PostgreSQL (8 KB), where even a
	// text stored elsewhere takes 18 bytes.
	MaxFields       = 400
	MaxOptions      = 1000 // of a field
	MaxOptionLength = 250  // characters
	maxName         = 63   // characters PostgreSQL keeps of a name
	maxDecimals     = 9
)

// CustomSuffix ends the API names of objects and fields that people define.
const CustomSuffix = "__gc"

// ObjectDefinition is a whole object as a person defines it: what a change
// leaves out is removed.
type ObjectDefinition struct {
	Name        string            `json:"name,omitempty" doc:"API name; made from the display name when absent, and fixed from then on"`
	DisplayName string            `json:"display_name" doc:"Begins with a letter, unique, 1 to 100 characters"`
	Fields      []FieldDefinition `json:"fields" doc:"Every field of the object in order; system fields may be left out"`
}

// FieldDefinition is a field as a person defines it.
type FieldDefinition struct {
	Name        string    `json:"name,omitempty" doc:"API name, for example Tier__gc; made from the display name when absent"`
	RenamedFrom string    `json:"renamed_from,omitempty" doc:"Former API name of the field; absent when it stays the same"`
	DisplayName string    `json:"display_name" doc:"Begins with a letter, unique in the object"`
	Type        FieldType `json:"type" enum:"String,RichText,Number,Currency,Percentage,Boolean,Date,DateTime,Email,URL,Dropdown,MultiSelect,Lookup,GSID"`
	MaxLength   int       `json:"max_length,omitempty" minimum:"0" doc:"Longest text in characters; 0 means no limit"`
	Decimals    int       `json:"decimals,omitempty" minimum:"0" doc:"Digits after the decimal point of numbers, 0 to 9"`
	Required    bool      `json:"required,omitempty"`
	System      bool      `json:"system,omitempty" doc:"Ignored: system fields stay as they are"`
	Unique      bool      `json:"unique,omitempty" doc:"No two rows have the same value; any number may have none"`
	Default     string    `json:"default,omitempty" doc:"Value of new rows whose job does not fill the field"`
	Options     []string  `json:"options,omitempty" doc:"Known options of a dropdown"`
	Lookup      string    `json:"lookup,omitempty" doc:"API name of the object a lookup points to"`
}

// Definition returns the object as a person would define it.
func (o *Object) Definition() ObjectDefinition {
	d := ObjectDefinition{Name: o.Name, DisplayName: o.DisplayName}
	for _, f := range o.Fields {
		d.Fields = append(d.Fields, FieldDefinition{
			Name: f.Name, DisplayName: f.DisplayName, Type: f.Type, MaxLength: f.MaxLength, Decimals: f.Decimals, Required: f.Required,
			System: f.System, Unique: f.Unique, Default: f.Default, Options: slices.Clone(f.Options), Lookup: f.Lookup,
		})
	}
	return d
}

// NewObject makes a custom object from its definition. others are the existing
// objects. It returns CodeInvalid with every problem at its place.
func NewObject(d ObjectDefinition, others []Object) (Object, error) {
	var p Problems
	o := Object{Name: d.Name, DisplayName: d.DisplayName}
	if o.Name == "" {
		o.Name = customName(o.DisplayName)
	}
	checkAPIName(&p, "name", o.Name, true)
	checkObject(&p, &o, others)
	for _, other := range others {
		if other.Table() == o.Table() {
			p.AddHint("name", "Choose another one.", "An object named %s exists already.", other.Name)
		}
	}
	o.Fields = defineFields(&p, &o, nil, d.Fields, others)
	return o, p.Err("The object cannot be created.")
}

// Redefine returns what the object becomes under a new definition, and which
// fields were renamed: old API names by new ones. others are the existing
// objects. It returns CodeInvalid with every problem at its place.
func (o *Object) Redefine(d ObjectDefinition, others []Object) (Object, map[string]string, error) {
	var p Problems
	next := Object{Name: o.Name, DisplayName: d.DisplayName, Standard: o.Standard}
	if d.Name != "" && d.Name != o.Name {
		p.AddHint("name", "Change the display name, or create another object.", "The API name %s of an object is fixed.", o.Name)
	}
	checkObject(&p, &next, others)
	next.Fields = defineFields(&p, &next, o, d.Fields, others)
	renamed := map[string]string{}
	for i, f := range d.Fields {
		if f.RenamedFrom == "" || f.RenamedFrom == f.Name {
			continue
		}
		name := f.Name
		if name == "" {
			name = customName(f.DisplayName)
		}
		at := fmt.Sprintf("fields[%d].renamed_from", i)
		again := slices.ContainsFunc(d.Fields, func(other FieldDefinition) bool { return other.RenamedFrom == name })
		switch was := o.Field(f.RenamedFrom); {
		case was == nil && o.Field(name) != nil: // renamed before
		case was == nil:
			p.Add(at, "%s has no field %s.", o.Name, f.RenamedFrom)
		case was.System || o.Standard && isStandardField(o.Name, f.RenamedFrom):
			p.Add(at, "The API name of the standard field %s is fixed; its display name can be changed.", f.RenamedFrom)
		case o.Field(name) != nil && !again:
			p.AddHint(at, "Leave renamed_from out if it has been renamed before.", "%s has a field %s already, which would go away.", o.Name, name)
		case slices.Contains(slices.Collect(maps.Values(renamed)), f.RenamedFrom):
			p.Add(at, "The field %s becomes two.", f.RenamedFrom)
		default:
			renamed[name] = f.RenamedFrom
		}
	}
	if o.Standard {
		keepStandard(&p, o, &next, d.Fields)
	}
	return next, renamed, p.Err("The object cannot be changed like that.")
}

func checkObject(p *Problems, o *Object, others []Object) {
	checkDisplayName(p, "display_name", o.DisplayName)
	for _, other := range others {
		if other.Name != o.Name && strings.EqualFold(other.DisplayName, o.DisplayName) {
			p.AddHint("display_name", "Choose another one.", "An object with the display name %s exists already.", other.DisplayName)
		}
	}
}

func checkDisplayName(p *Problems, at, name string) {
	before := len(*p)
	ValidateName(p, at, name)
	if r, _ := utf8.DecodeRuneInString(name); len(*p) == before && !unicode.IsLetter(r) {
		p.Add(at, "The display name must begin with a letter.")
	}
	if len(*p) == before && !utf8.ValidString(name) {
		p.Add(at, "The display name is not valid text.")
	}
}

// checkAPIName notes what is wrong with an API name. SQL always quotes it, so
// reserved words are allowed.
func checkAPIName(p *Problems, at, name string, custom bool) {
	lower := strings.ToLower(name)
	switch {
	case name == "":
		p.Add(at, "No API name can be made from the display name; enter one.")
	case len(name) > maxName:
		p.AddHint(at, "Enter a shorter API name; the display name can stay long.", "The API name %s has %d characters; at most %d are allowed.", name, len(name), maxName)
	case name[0]|0x20 < 'a' || name[0]|0x20 > 'z' || strings.ContainsFunc(name, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z')
	}):
		p.Add(at, "The API name must begin with a letter and hold only the letters A to Z, digits and underscores.")
	case custom && (!strings.HasSuffix(name, CustomSuffix) || len(name) == len(CustomSuffix)):
		p.AddHint(at, fmt.Sprintf("For example %s%s.", strings.TrimRight(strings.TrimSuffix(lower, CustomSuffix), "_"), CustomSuffix), "The API name of what you define yourself must end in %s.", CustomSuffix)
	case slices.ContainsFunc([]string{"cw_", "river_", "sqlite_", "pg_"}, func(s string) bool { return strings.HasPrefix(lower, s) }):
		p.Add(at, "Names that begin like %s are kept for Crosswalk and the database.", name)
	}
}

// customName makes the API name of what a person defines, "" when the display
// name holds nothing to make it of.
func customName(display string) string {
	name := APIName(display)
	if name != "" {
		name += CustomSuffix
	}
	return name
}

// defineFields returns the fields of a definition, system fields first. old is
// the object before the change, nil for a new one.
func defineFields(p *Problems, o, old *Object, defs []FieldDefinition, others []Object) []Field {
	fields := systemFields()
	if old != nil {
		fields = nil
		for _, f := range old.Fields {
			if f.System {
				fields = append(fields, f)
			}
		}
	}
	system := len(fields)
	names, displays := map[string]bool{}, map[string]bool{}
	for _, f := range fields {
		names[f.Column()], displays[strings.ToLower(f.DisplayName)] = true, true
	}
	for i, d := range defs {
		if d.System || slices.ContainsFunc(fields[:system], func(f Field) bool { return f.Name == d.Name }) {
			continue
		}
		at := func(member string) string { return fmt.Sprintf("fields[%d].%s", i, member) }
		f := Field{
			Name: d.Name, DisplayName: d.DisplayName, Type: d.Type, MaxLength: d.MaxLength, Decimals: d.Decimals, Required: d.Required,
			Unique: d.Unique, Default: d.Default, Options: slices.Clone(d.Options), Lookup: d.Lookup,
		}
		if len(f.Options) == 0 {
			f.Options = nil
		}
		if f.Name == "" {
			f.Name = customName(f.DisplayName)
		}
		checkDisplayName(p, at("display_name"), f.DisplayName)
		checkAPIName(p, at("name"), f.Name, !o.Standard || !isStandardField(o.Name, f.Name))
		if names[f.Column()] {
			p.AddHint(at("name"), "Names that differ in upper and lower case only would share one column.", "Another field is named %s already.", f.Name)
		}
		if displays[strings.ToLower(f.DisplayName)] {
			p.Add(at("display_name"), "Another field has the display name %s already.", f.DisplayName)
		}
		names[f.Column()], displays[strings.ToLower(f.DisplayName)] = true, true
		f.check(p, at, o, others)
		fields = append(fields, f)
	}
	if len(fields) > MaxFields {
		p.AddHint("fields", "Put some of them into an object of their own, with a lookup.", "The object has %d fields; at most %d fit a row of the database.", len(fields), MaxFields)
	}
	return fields
}

// check notes what is wrong with a field's type and constraints, and brings
// its default into the form in which it is stored.
func (f *Field) check(p *Problems, at func(string) string, o *Object, others []Object) {
	if !slices.Contains(FieldTypes(), f.Type) {
		p.Add(at("type"), "There is no type %s to choose.", f.Type)
		return
	}
	dropdown := f.Type == FieldDropdown || f.Type == FieldMultiSelect
	switch {
	case f.MaxLength != 0 && !f.Type.IsText():
		p.Add(at("max_length"), "Only texts have a greatest length.")
	case f.MaxLength < 0:
		p.Add(at("max_length"), "The greatest length cannot be negative.")
	case f.Type == FieldEmail && f.MaxLength > maxEmail:
		p.Add(at("max_length"), "An e-mail address has at most %d characters.", maxEmail)
	}
	if f.Decimals != 0 && !f.Type.IsNumber() {
		p.Add(at("decimals"), "Only numbers have decimals.")
	} else if f.Decimals < 0 || f.Decimals > maxDecimals {
		p.Add(at("decimals"), "A number has 0 to %d decimals.", maxDecimals)
	}
	if len(f.Options) > 0 && !dropdown {
		p.Add(at("options"), "Only a dropdown has options.")
	} else {
		f.checkOptions(p, at("options"))
	}
	target := slices.ContainsFunc(others, func(other Object) bool { return other.Name == f.Lookup }) || f.Lookup == o.Name && f.Lookup != ""
	switch {
	case f.Type == FieldLookup && f.Lookup == "":
		p.Add(at("lookup"), "Choose the object that the field points to.")
	case f.Type == FieldLookup && !target:
		p.Add(at("lookup"), "There is no object %s to point to.", f.Lookup)
	case f.Type != FieldLookup && f.Lookup != "":
		p.Add(at("lookup"), "Only a lookup points to an object.")
	}
	if f.Unique && (f.Type == FieldRichText || f.Type == FieldMultiSelect || f.Type == FieldBoolean) {
		p.Add(at("unique"), "A field of the type %s cannot be unique.", f.Type)
	}
	if f.Default != "" {
		f.checkDefault(p, at("default"))
	}
}

func (f *Field) checkOptions(p *Problems, at string) {
	seen := map[string]bool{}
	for _, option := range f.Options {
		k := strings.ToLower(option)
		switch {
		case strings.TrimSpace(option) == "" || utf8.RuneCountInString(option) > MaxOptionLength:
			p.Add(at, "An option has 1 to %d characters.", MaxOptionLength)
		case strings.ContainsFunc(option, func(r rune) bool { return r < ' ' || r == 0x7f || r == utf8.RuneError }):
			p.Add(at, "An option must not hold control characters.")
		case f.Type == FieldMultiSelect && strings.Contains(option, ";"):
			p.Add(at, "%q: an option of several must not hold a semicolon, which stands between them.", option)
		case seen[k]:
			p.Add(at, "The option %q is there twice.", option)
		case f.MaxLength > 0 && utf8.RuneCountInString(option) > f.MaxLength:
			p.Add(at, "The option %q is longer than the field.", option)
		}
		seen[k] = true
	}
	if len(f.Options) > MaxOptions {
		p.Add(at, "There are %d options; at most %d are allowed.", len(f.Options), MaxOptions)
	}
}

func (f *Field) checkDefault(p *Problems, at string) {
	switch v, err := f.Normalize(f.Default); {
	case f.Type == FieldLookup:
		p.Add(at, "A lookup cannot have a default.")
	case f.Unique:
		p.Add(at, "A unique field cannot have a default: the second row would repeat it.")
	case err != nil:
		p.Add(at, "%s", err.Error())
	case f.Type == FieldDropdown && len(f.Options) > 0 && !slices.Contains(f.Options, v):
		p.Add(at, "%q is not one of the options.", v)
	default:
		f.Default = v
	}
}

// keepStandard notes where a definition would take something away from the
// fields that Crosswalk gave a standard object.
func keepStandard(p *Problems, old, next *Object, defs []FieldDefinition) {
	for _, f := range old.Fields {
		if f.System || !isStandardField(old.Name, f.Name) {
			continue
		}
		n := next.Field(f.Name)
		if n == nil {
			p.AddHint("fields", "A job need not fill it.", "The standard field %s cannot be removed.", f.Name)
			continue
		}
		at := fmt.Sprintf("fields[%d]", slices.IndexFunc(defs, func(d FieldDefinition) bool { return d.Name == f.Name }))
		if n.Type != f.Type || n.Decimals != f.Decimals || n.Lookup != f.Lookup {
			p.Add(at+".type", "The type of the standard field %s is fixed.", f.Name)
		}
		if n.MaxLength < f.MaxLength && n.MaxLength != 0 || f.MaxLength == 0 && n.MaxLength != 0 {
			p.Add(at+".max_length", "The standard field %s cannot be made shorter.", f.Name)
		}
	}
}
