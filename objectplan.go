package crosswalk

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// StepKind says what a step of a plan changes.
type StepKind string

// The kinds of steps.
const (
	StepAdd      StepKind = "add_field"
	StepDrop     StepKind = "drop_field"
	StepRename   StepKind = "rename_field"
	StepRetype   StepKind = "retype_field"
	StepLength   StepKind = "change_length"
	StepRequired StepKind = "change_required"
	StepUnique   StepKind = "change_unique"
	StepDefault  StepKind = "change_default"
	StepOptions  StepKind = "change_options"
	StepDisplay  StepKind = "change_display_name"
	StepOrder    StepKind = "change_order"
)

// StepEffect says what a step does to existing rows.
type StepEffect string

// The effects of steps.
const (
	EffectSafe    StepEffect = "safe"    // every value stays, in the field's new form
	EffectLossy   StepEffect = "lossy"   // values, or parts of them, are lost
	EffectRefused StepEffect = "refused" // rows or jobs stand in the way
)

// ObjectStep is one step of a change of an object.
type ObjectStep struct {
	Kind     StepKind    `json:"kind" enum:"add_field,drop_field,rename_field,retype_field,change_length,change_required,change_unique,change_default,change_options,change_display_name,change_order"`
	Field    string      `json:"field,omitempty" doc:"API name of the field before the change; absent for the object itself"`
	Detail   string      `json:"detail" doc:"The step in words"`
	Effect   StepEffect  `json:"effect" enum:"safe,lossy,refused" doc:"safe: every value stays; lossy: values or parts of them are lost; refused: rows or jobs stand in the way"`
	Reason   string      `json:"reason,omitempty" doc:"Why the step is lossy or refused, and what to do"`
	Rows     int64       `json:"rows" doc:"Rows that the step writes, that lose something, or that stand in the way"`
	Examples []string    `json:"examples,omitempty" doc:"Some of the values concerned"`
	Jobs     []ObjectUse `json:"jobs" doc:"Jobs that use the field"`
}

// ObjectUse is a job that fills a field, or finds rows by it.
type ObjectUse struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Version    int64  `json:"version"`
	Identifier bool   `json:"identifier" doc:"Whether the field decides which row a record updates"`
	Match      bool   `json:"match" doc:"Whether the job finds rows for its lookups by the field, or deactivates rows by it"`
}

// ObjectPlan is what a change of an object would do to its rows and to the
// jobs that use it.
type ObjectPlan struct {
	Object   string       `json:"object" doc:"API name"`
	Steps    []ObjectStep `json:"steps" doc:"Empty when nothing would change"`
	Warnings []string     `json:"warnings"`
	Allowed  bool         `json:"allowed" doc:"Whether no step is refused"`
	Lossy    bool         `json:"lossy" doc:"Whether a step loses values"`
	Hash     string       `json:"hash" doc:"Send it back to apply exactly this plan"`
}

// Seal fills what follows from the steps: Allowed, Lossy and Hash. The hash
// covers both definitions, the steps and their jobs, but not how many rows a
// safe step writes, since runs go on adding rows.
func (p *ObjectPlan) Seal(old, next Object) {
	p.Allowed, p.Lossy = true, false
	if p.Steps == nil {
		p.Steps = []ObjectStep{}
	}
	if p.Warnings == nil {
		p.Warnings = []string{}
	}
	old.Rows, next.Rows = 0, 0
	steps := make([]ObjectStep, len(p.Steps))
	for i := range p.Steps {
		s := &p.Steps[i]
		if s.Jobs == nil {
			s.Jobs = []ObjectUse{}
		}
		p.Allowed = p.Allowed && s.Effect != EffectRefused
		p.Lossy = p.Lossy || s.Effect == EffectLossy
		steps[i] = *s
		if s.Effect == EffectSafe {
			steps[i].Rows = 0
		}
		steps[i].Examples = nil // which rows come first is left to chance
	}
	b, err := json.Marshal(struct {
		Old, Next Object
		Steps     []ObjectStep
	}{old, next, steps})
	if err != nil {
		panic(err) // nothing in it can fail
	}
	sum := sha256.Sum256(b)
	p.Hash = hex.EncodeToString(sum[:16])
}
