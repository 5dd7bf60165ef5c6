package crosswalk

import "time"

// RejectCode is the stable reason why a record was rejected.
type RejectCode string

// The reasons. They are part of the API and never change their meaning.
const (
	RejectTooLong         RejectCode = "too_long"             // a text is longer than its field
	RejectNotAnEmail      RejectCode = "not_an_email"         // a text is not an e-mail address
	RejectNotAURL         RejectCode = "not_a_url"            // a text is not a web address
	RejectNotANumber      RejectCode = "not_a_number"         // a text cannot be read as a number
	RejectNotADate        RejectCode = "not_a_date"           // a text cannot be read as a date
	RejectNumberRange     RejectCode = "number_range"         // a number is too large for its field
	RejectRequiredEmpty   RejectCode = "required_empty"       // a required field would be empty
	RejectIdentifierEmpty RejectCode = "identifier_empty"     // an identifier is empty, so no row can be found
	RejectAmbiguous       RejectCode = "identifier_ambiguous" // the identifiers match more than one row
	RejectInvalidText     RejectCode = "invalid_text"         // a text holds a character the database cannot store
	RejectMalformed       RejectCode = "malformed"            // the value has another JSON type than its attribute
	RejectUnknownOption   RejectCode = "unknown_option"       // a label is not among the options of its dropdown, and is not to be added or cannot be
	RejectNoMatch         RejectCode = "lookup_no_match"      // no row matches a derived mapping
	RejectSeveralMatch    RejectCode = "lookup_several"       // several rows match a derived mapping
	RejectFormula         RejectCode = "formula_failed"       // a formula has no value for this record, for example a division by zero
)

// Reject is a record that could not be mapped or stored, kept with its
// reason.
type Reject struct {
	ID       int64      `json:"id"`
	RunID    string     `json:"run_id"`
	SourceID string     `json:"source_id" doc:"Key of the record in Dynamics"`
	Field    string     `json:"field" doc:"API name of the field that could not be filled"`
	Code     RejectCode `json:"code" doc:"Stable reason"`
	Message  string     `json:"message" doc:"The reason in words, with the value"`
	Value    string     `json:"value" doc:"The offending value, shortened to 1,000 characters"`
	Record   string     `json:"record" doc:"The record as read, as a JSON object"`
	At       time.Time  `json:"at"`
}

// RejectGroup is the rejects of a run that have the same reason and field.
type RejectGroup struct {
	Code    RejectCode `json:"code"`
	Field   string     `json:"field" doc:"API name of the field that could not be filled"`
	Count   int64      `json:"count"`
	Example string     `json:"example" doc:"Message of the first of them"`
}
