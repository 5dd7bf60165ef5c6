package crosswalk

// Filter chooses the records of a run. The zero value chooses all.
type Filter struct {
	Conditions []Condition `json:"conditions,omitempty" doc:"Absent means every record"`
	Expression string      `json:"expression,omitempty" doc:"How the conditions combine, by their numbers from 1: (1 AND 2) OR NOT 3; absent means that all must hold"`
}

// Condition compares one attribute. Texts compare without regard to case and
// accents, as in Dataverse. Null passes only IsNull, NotEqual, NotIn and
// NotContains.
type Condition struct {
	Attribute string     `json:"attribute" doc:"Path of the attribute"`
	Operator  Comparison `json:"operator" enum:"eq,ne,gt,ge,lt,le,in,not_in,between,contains,not_contains,starts_with,ends_with,is_null,is_not_null,last_days,next_days,older_than_days,today,yesterday,tomorrow,this_week,last_week,this_month,last_month,this_year,last_year"`
	Values    []string   `json:"values,omitempty" doc:"One value; two for between; several for in and not_in; none for is_null, is_not_null and named days, weeks, months and years"`
}

// Comparison is the operator of a Condition.
type Comparison string

// The comparisons. Those from LastDays on are relative to the moment the run
// began, in the mapping's time zone; weeks begin on Monday.
const (
	Equal          Comparison = "eq"
	NotEqual       Comparison = "ne"
	Greater        Comparison = "gt"
	GreaterOrEqual Comparison = "ge"
	Less           Comparison = "lt"
	LessOrEqual    Comparison = "le"
	In             Comparison = "in"
	NotIn          Comparison = "not_in"
	Between        Comparison = "between" // both ends included
	Contains       Comparison = "contains"
	NotContains    Comparison = "not_contains"
	StartsWith     Comparison = "starts_with"
	EndsWith       Comparison = "ends_with"
	IsNull         Comparison = "is_null"
	IsNotNull      Comparison = "is_not_null"
	LastDays       Comparison = "last_days"       // from the start of the day that many days ago until now
	NextDays       Comparison = "next_days"       // from now to the end of the day that many days ahead
	OlderThanDays  Comparison = "older_than_days" // before the start of the day that many days ago
	Today          Comparison = "today"
	Yesterday      Comparison = "yesterday"
	Tomorrow       Comparison = "tomorrow"
	ThisWeek       Comparison = "this_week"
	LastWeek       Comparison = "last_week"
	ThisMonth      Comparison = "this_month"
	LastMonth      Comparison = "last_month"
	ThisYear       Comparison = "this_year"
	LastYear       Comparison = "last_year"
)
