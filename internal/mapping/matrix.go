package mapping

import (
	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// op is a conversion from one attribute type to one field type.
type op uint8

// The conversions. Where only the kind of the target differs (whole or decimal
// numbers), one op covers both.
const (
	opNone          op = iota // the types do not go together
	opText                    // text to text
	opTextToOption            // text to a dropdown
	opEmail                   // text to a checked e-mail address
	opURL                     // text to a checked web address
	opTextToNumber            // text in plain decimal notation to a number
	opTextToDate              // text in ISO 8601 to a calendar day
	opTextToTime              // text in ISO 8601 to a moment
	opNumber                  // Int or Decimal to a number
	opNumberToText            // Int or Decimal to all of its digits
	opBool                    // Boolean to Boolean
	opBoolToNumber            // 0 or 1
	opBoolToText              // the label
	opTime                    // a moment to a moment
	opTimeToDate              // the day in the mapping's time zone
	opWallToDate              // the day as a wall clock shows it
	opTimeToText              // 2006-01-02T15:04:05Z
	opWallToText              // 2006-01-02T15:04:05
	opDate                    // a day to a day
	opDateToTime              // midnight UTC
	opDateToText              // 2006-01-02
	opOption                  // a choice to a dropdown, by its label
	opOptionToText            // a choice to its label
	opMultiSelect             // several choices to a multi-select, by their labels
	opOptionsToText           // several choices to their labels
	opOptionValues            // several choices to their values, as text
	opGUIDToText              // 36 characters in lower case
)

// sourceKind returns the kind in which values of the attribute are read.
func sourceKind(a *crosswalk.Attribute) column.Kind {
	switch a.Type {
	case crosswalk.AttributeInteger, crosswalk.AttributeBigInt,
		crosswalk.AttributeChoice, crosswalk.AttributeState, crosswalk.AttributeStatus:
		return column.Int
	case crosswalk.AttributeDecimal, crosswalk.AttributeDouble, crosswalk.AttributeMoney:
		return column.Decimal
	case crosswalk.AttributeBoolean:
		return column.Bool
	case crosswalk.AttributeDateTime:
		if a.DateBehavior == crosswalk.DateOnly {
			return column.Date
		}
		return column.Time
	case crosswalk.AttributeUniqueID, crosswalk.AttributeLookup, crosswalk.AttributeCustomer, crosswalk.AttributeOwner:
		return column.GUID
	default:
		return column.Text
	}
}

// readable reports whether the attribute can be mapped and used in filters at all.
func readable(a *crosswalk.Attribute) bool {
	switch a.Type {
	case crosswalk.AttributeString, crosswalk.AttributeMemo, crosswalk.AttributeEntityName, crosswalk.AttributeMultiChoice:
		return true
	default:
		return sourceKind(a) != column.Text
	}
}

// operation returns the conversion of the attribute into the field, opNone when
// there is none. A dropdown, a multi-select and the text of a Boolean take the
// label whether it is asked for or not.
func operation(a *crosswalk.Attribute, label bool, f *crosswalk.Field) op {
	t := f.Type
	amount := t == crosswalk.FieldNumber || t == crosswalk.FieldCurrency || t == crosswalk.FieldPercentage
	switch a.Type {
	case crosswalk.AttributeString, crosswalk.AttributeMemo, crosswalk.AttributeEntityName:
		switch {
		case t == crosswalk.FieldString || t == crosswalk.FieldRichText:
			return opText
		case t == crosswalk.FieldDropdown:
			return opTextToOption
		case t == crosswalk.FieldEmail:
			return opEmail
		case t == crosswalk.FieldURL:
			return opURL
		case t == crosswalk.FieldDate:
			return opTextToDate
		case t == crosswalk.FieldDateTime:
			return opTextToTime
		case amount:
			return opTextToNumber
		}
	case crosswalk.AttributeInteger, crosswalk.AttributeBigInt,
		crosswalk.AttributeDecimal, crosswalk.AttributeDouble, crosswalk.AttributeMoney:
		switch {
		case amount:
			return opNumber
		case t == crosswalk.FieldString:
			return opNumberToText
		}
	case crosswalk.AttributeBoolean:
		switch {
		case t == crosswalk.FieldString:
			return opBoolToText
		case t == crosswalk.FieldBoolean && !label:
			return opBool
		case t == crosswalk.FieldNumber && !label:
			return opBoolToNumber
		}
	case crosswalk.AttributeDateTime:
		return dateOperation(a.DateBehavior, t)
	case crosswalk.AttributeChoice, crosswalk.AttributeState, crosswalk.AttributeStatus:
		switch {
		case t == crosswalk.FieldDropdown:
			return opOption
		case t == crosswalk.FieldString && label:
			return opOptionToText
		case t == crosswalk.FieldString:
			return opNumberToText
		case t == crosswalk.FieldNumber && !label:
			return opNumber
		}
	case crosswalk.AttributeMultiChoice:
		switch {
		case t == crosswalk.FieldMultiSelect:
			return opMultiSelect
		case t == crosswalk.FieldString && label:
			return opOptionsToText
		case t == crosswalk.FieldString:
			return opOptionValues
		}
	case crosswalk.AttributeUniqueID, crosswalk.AttributeLookup, crosswalk.AttributeCustomer, crosswalk.AttributeOwner:
		if t == crosswalk.FieldString {
			return opGUIDToText
		}
	}
	return opNone
}

// compared returns the conversion for a value that is compared with the field
// rather than stored in it: no text is refused for its content.
func (o op) compared() op {
	switch o {
	case opTextToOption, opEmail, opURL:
		return opText
	case opOption:
		return opOptionToText
	}
	return o
}

// dateOperation is operation for dates. A day never moves. A moment becomes its day
// in the mapping's time zone, and a wall clock's time the day that the clock shows,
// although Dataverse prints both with Z.
func dateOperation(b crosswalk.DateBehavior, t crosswalk.FieldType) op {
	day := b == crosswalk.DateOnly
	switch {
	case t == crosswalk.FieldDate && day:
		return opDate
	case t == crosswalk.FieldDate && b == crosswalk.DateTimeZoneIndependent:
		return opWallToDate
	case t == crosswalk.FieldDate:
		return opTimeToDate
	case t == crosswalk.FieldDateTime && day:
		return opDateToTime
	case t == crosswalk.FieldDateTime:
		return opTime
	case t == crosswalk.FieldString && day:
		return opDateToText
	case t == crosswalk.FieldString && b == crosswalk.DateTimeZoneIndependent:
		return opWallToText
	case t == crosswalk.FieldString:
		return opTimeToText
	}
	return opNone
}

// hintFor says what to do when the attribute cannot fill the field.
func hintFor(a *crosswalk.Attribute, f *crosswalk.Field) string {
	if f.Type == crosswalk.FieldLookup {
		return "A lookup field is filled by a derived mapping, which finds the row to point to."
	}
	switch a.Type {
	case crosswalk.AttributeString, crosswalk.AttributeMemo, crosswalk.AttributeEntityName:
		return "A text can fill String, RichText, Email, URL, Dropdown, Number, Currency, Percentage, Date and DateTime fields."
	case crosswalk.AttributeBoolean:
		return "A Boolean can fill Boolean and Number fields by its value and String fields by its label."
	case crosswalk.AttributeDateTime:
		return "A date can fill Date, DateTime and String fields."
	case crosswalk.AttributeChoice, crosswalk.AttributeState, crosswalk.AttributeStatus:
		return "A choice can fill Dropdown and String fields by its label, Number and String fields by its value."
	case crosswalk.AttributeMultiChoice:
		return "A multi-select choice can fill MultiSelect and String fields."
	case crosswalk.AttributeUniqueID, crosswalk.AttributeLookup, crosswalk.AttributeCustomer, crosswalk.AttributeOwner:
		return "An id can fill String fields, and so can the name and the table of what it leads to; a lookup field is filled by a derived mapping."
	default:
		return "A number can fill Number, Currency, Percentage and String fields."
	}
}
