package crosswalk

import "time"

// Scope says which records a run reads. The zero value leaves that to the job's
// load mode.
type Scope struct {
	Kind ScopeKind `json:"kind,omitempty" enum:"load_mode,everything,range,rejects" default:"load_mode" doc:"load_mode: as the job says; everything: every record, whatever the last run read; range: records created or changed within a period; rejects: the rejected records of a run"`
	// Attribute, From and To are for ScopeRange. From is included, To is not;
	// one of them may be absent.
	Attribute string     `json:"attribute,omitempty" enum:"createdon,modifiedon" doc:"For a range: which time counts"`
	From      *time.Time `json:"from,omitempty" doc:"For a range: its start"`
	To        *time.Time `json:"to,omitempty" doc:"For a range: its end, which is not included"`
	// RunID is for ScopeRejects.
	RunID string `json:"run_id,omitempty" doc:"For rejects: the run that rejected them"`
}

// ScopeKind is the kind of a Scope. The zero value means ScopeLoadMode.
type ScopeKind string

// The kinds of scopes.
const (
	ScopeLoadMode   ScopeKind = "load_mode"
	ScopeEverything ScopeKind = "everything"
	ScopeRange      ScopeKind = "range"
	ScopeRejects    ScopeKind = "rejects"
)

// Check returns CodeInvalid with every problem of the scope for a run over that
// entity. A nil entity is taken to have every attribute.
func (s Scope) Check(e *Entity) error {
	var p Problems
	switch s.Kind {
	case "", ScopeLoadMode, ScopeEverything, ScopeRange, ScopeRejects:
	default:
		p.AddHint("kind", "Choose load_mode, everything, range or rejects.", "%q is not a way to choose records.", s.Kind)
	}
	ranged := s.Kind == ScopeRange
	switch {
	case !ranged && (s.Attribute != "" || s.From != nil || s.To != nil):
		p.AddHint("kind", "Choose range, or leave them out.", "Only a range has an attribute, a begin and an end.")
	case ranged && s.Attribute != "createdon" && s.Attribute != "modifiedon":
		p.AddHint("attribute", "Choose one of them.", "A range is of createdon or modifiedon.")
	case ranged && e != nil && e.Attribute(s.Attribute) == nil:
		p.AddHint("attribute", "Run the job over everything instead.", "%s has no attribute %s.", e.DisplayName, s.Attribute)
	}
	if ranged {
		checkMoment(&p, "from", s.From)
		checkMoment(&p, "to", s.To)
	}
	switch {
	case ranged && s.From == nil && s.To == nil:
		p.AddHint("from", "To read every record, choose everything.", "Say where the range begins or ends.")
	case ranged && s.From != nil && s.To != nil && !s.From.Before(*s.To):
		p.AddHint("to", "Give a later end; it does not belong to the range.", "The range ends before it begins.")
	}
	if (s.Kind == ScopeRejects) != (s.RunID != "") {
		p.AddHint("run_id", "Name a run with rejects, or choose another kind.", "Rejects are those of a run, and only they are.")
	}
	return p.Err("The run cannot be started like that.")
}

// checkMoment notes a moment outside of the years that Dataverse stores.
func checkMoment(p *Problems, at string, t *time.Time) {
	if t != nil && (t.UTC().Year() < 1753 || t.UTC().Year() > 9999) {
		p.AddHint(at, "Give a time from 1753 to 9999.", "Dynamics has no times of the year %d.", t.UTC().Year())
	}
}

// Words describes the scope for a person, without a full stop; "" for
// ScopeLoadMode.
func (s Scope) Words() string {
	switch s.Kind {
	case ScopeEverything:
		return "Every record"
	case ScopeRejects:
		return "Only rejected records"
	case ScopeRange:
		text := "Records last changed"
		if s.Attribute == "createdon" {
			text = "Records created"
		}
		if s.From != nil {
			text += " from " + momentWords(*s.From)
		}
		if s.From != nil && s.To != nil {
			text += " and"
		}
		if s.To != nil {
			text += " before " + momentWords(*s.To)
		}
		return text
	}
	return ""
}

// momentWords describes a moment, to the minute or, where needed, more exactly.
func momentWords(t time.Time) string {
	if t = t.UTC(); t.Equal(t.Truncate(time.Minute)) {
		return t.Format("2006-01-02 15:04 UTC")
	}
	return t.Format("2006-01-02 15:04:05.999999999 UTC")
}
