package crosswalk

// Preview is what a run would do with the first records, without doing it.
type Preview struct {
	Records  []PreviewRecord `json:"records" doc:"In the order in which they were read"`
	Warnings []string        `json:"warnings,omitempty" doc:"What a run would have to do without"`
}

// PreviewRecord is what would become of a record.
type PreviewRecord struct {
	SourceID string          `json:"source_id" doc:"Key of the record in Dynamics"`
	Outcome  PreviewOutcome  `json:"outcome" enum:"insert,update,unchanged,skip,duplicate,reject"`
	Changes  []PreviewChange `json:"changes,omitempty" doc:"For an update, what would change; for an insert, what is not empty"`
	Field    string          `json:"field,omitempty" doc:"For a reject: API name of the field that could not be filled"`
	Code     RejectCode      `json:"code,omitempty" doc:"For a reject: its stable reason"`
	Message  string          `json:"message,omitempty" doc:"For a reject: the reason in words"`
}

// PreviewChange is the value of a field before and after, as text; nil means
// empty.
type PreviewChange struct {
	Field string  `json:"field" doc:"API name"`
	Old   *string `json:"old" doc:"Value that the row has"`
	New   *string `json:"new" doc:"Value that it would get"`
}

// PreviewOutcome is what would become of a record.
type PreviewOutcome string

// The outcomes. A duplicate has the same identifiers as another record, which
// wins; a record is skipped when the filter or the operation leaves it out.
const (
	PreviewInsert    PreviewOutcome = "insert"
	PreviewUpdate    PreviewOutcome = "update"
	PreviewUnchanged PreviewOutcome = "unchanged"
	PreviewSkip      PreviewOutcome = "skip"
	PreviewDuplicate PreviewOutcome = "duplicate"
	PreviewReject    PreviewOutcome = "reject"
)
