package crosswalk

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// FieldType is the type of a field of an object.
type FieldType string

// The types of fields.
const (
	FieldString      FieldType = "String"
	FieldRichText    FieldType = "RichText"
	FieldNumber      FieldType = "Number"
	FieldCurrency    FieldType = "Currency"
	FieldPercentage  FieldType = "Percentage"
	FieldBoolean     FieldType = "Boolean"
	FieldDate        FieldType = "Date"
	FieldDateTime    FieldType = "DateTime"
	FieldEmail       FieldType = "Email"
	FieldURL         FieldType = "URL"
	FieldDropdown    FieldType = "Dropdown"
	FieldMultiSelect FieldType = "MultiSelect"
	FieldLookup      FieldType = "Lookup"
	FieldGSID        FieldType = "GSID" // only the system field GSID
)

// Field is a typed column of an object.
type Field struct {
	Name        string    `json:"name" doc:"API name, for example External_ID"`
	DisplayName string    `json:"display_name"`
	Type        FieldType `json:"type"`
	MaxLength   int       `json:"max_length,omitempty" doc:"Longest text in characters; 0 means no limit"`
	Decimals    int       `json:"decimals,omitempty" doc:"Digits after the decimal point of numbers, 0 to 9"`
	Required    bool      `json:"required,omitempty"`
	System      bool      `json:"system,omitempty" doc:"Filled by Crosswalk; cannot be mapped or edited"`
	Unique      bool      `json:"unique,omitempty" doc:"No two rows have the same value; any number may have none"`
	Default     string    `json:"default,omitempty" doc:"Value of new rows whose job does not fill the field"`
	Options     []string  `json:"options,omitempty" doc:"Known options of a dropdown"`
	Lookup      string    `json:"lookup,omitempty" doc:"API name of the object to which a lookup points, by GSID"`
}

// Column returns the name of the SQL column that holds the field: the API
// name in lower case.
func (f *Field) Column() string { return strings.ToLower(f.Name) }

// MaxDigits is the largest number of digits of a number, before and after the
// point together: what a decimal128 and the databases hold without loss.
const MaxDigits = 38

// IsText reports whether values of the type are texts.
func (t FieldType) IsText() bool {
	switch t {
	case FieldString, FieldRichText, FieldEmail, FieldURL, FieldDropdown, FieldMultiSelect:
		return true
	}
	return false
}

// IsNumber reports whether values of the type are numbers.
func (t FieldType) IsNumber() bool {
	return t == FieldNumber || t == FieldCurrency || t == FieldPercentage
}

// FieldTypes returns the types that a field can be given, in the order in which
// people are offered them.
func FieldTypes() []FieldType {
	return []FieldType{
		FieldString, FieldRichText, FieldNumber, FieldCurrency, FieldPercentage, FieldBoolean, FieldDate, FieldDateTime,
		FieldEmail, FieldURL, FieldDropdown, FieldMultiSelect, FieldLookup,
	}
}

// Normalize returns text in the one form in which the field stores it: numbers
// with exactly the field's decimals, dates as 2006-01-02, moments in UTC with
// milliseconds, Booleans as true or false, GSIDs in lower case. Nothing is lost
// on the way: a number with more decimals than the field has is refused. It
// returns CodeInvalid with the reason when the field cannot hold the text.
func (f *Field) Normalize(text string) (string, error) {
	refuse := func(what string) (string, error) {
		shown := text
		if utf8.RuneCountInString(shown) > 100 {
			shown = string([]rune(shown)[:100]) + "…"
		}
		return "", Errorf(CodeInvalid, "%q is not %s.", shown, what)
	}
	if f.Type.IsText() {
		return f.normalizeText(text, refuse)
	}
	v := strings.TrimSpace(text)
	switch f.Type {
	case FieldNumber, FieldCurrency, FieldPercentage:
		n, ok := normalizeNumber(v, f.Decimals)
		switch {
		case ok:
			return n, nil
		case f.Decimals == 0:
			return refuse("a whole number that fits 64 bits")
		default:
			return refuse(fmt.Sprintf("a number with at most %d decimals", f.Decimals))
		}
	case FieldBoolean:
		switch strings.ToLower(v) {
		case "true", "yes", "1":
			return "true", nil
		case "false", "no", "0":
			return "false", nil
		}
		return refuse("true or false")
	case FieldDate:
		if t, err := time.Parse("2006-01-02", v); err == nil && t.Year() > 0 {
			return v, nil
		}
		return refuse("a date like 2026-01-31")
	case FieldDateTime:
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02"} {
			if t, err := time.Parse(layout, v); err == nil && t.UTC().Year() > 0 && t.UTC().Year() < 10000 {
				return t.UTC().Format("2006-01-02T15:04:05.000Z"), nil
			}
		}
		return refuse("a time like 2026-01-31T12:00:00Z")
	default:
		id, ok := ParseGSID(v)
		if !ok {
			return refuse("a GSID of 36 characters")
		}
		return id.String(), nil
	}
}

func (f *Field) normalizeText(text string, refuse func(string) (string, error)) (string, error) {
	switch {
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return refuse("a text that can be stored")
	case f.MaxLength > 0 && utf8.RuneCountInString(text) > f.MaxLength:
		return refuse(fmt.Sprintf("at most %d characters long", f.MaxLength))
	case f.Type == FieldEmail && text != "" && !IsEmail(text):
		return refuse("an e-mail address")
	case f.Type == FieldURL && text != "" && !IsWebAddress([]byte(text)):
		return refuse("a web address")
	}
	return text, nil
}

// normalizeNumber returns a number in plain notation with exactly that many
// decimals. It reports false when digits other than zeros would be lost, and
// for a whole number that does not fit 64 bits.
func normalizeNumber(v string, decimals int) (string, bool) {
	sign := ""
	switch {
	case strings.HasPrefix(v, "-"):
		sign, v = "-", v[1:]
	case strings.HasPrefix(v, "+"):
		v = v[1:]
	}
	whole, fraction, point := strings.Cut(v, ".")
	if whole == "" || point && fraction == "" || !isDigits([]byte(whole)) || !isDigits([]byte(fraction)) {
		return "", false
	}
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	fraction = strings.TrimRight(fraction, "0")
	if len(fraction) > decimals || len(whole)+decimals > MaxDigits {
		return "", false
	}
	if whole == "0" && fraction == "" {
		sign = ""
	}
	out := sign + whole
	if decimals == 0 {
		_, err := strconv.ParseInt(out, 10, 64)
		return out, err == nil
	}
	return out + "." + fraction + strings.Repeat("0", decimals-len(fraction)), true
}
