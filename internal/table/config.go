package table

import (
	"context"
	"fmt"
	"slices"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// Column is a field that a job fills. Kind is that of the batch's column; it
// must be column.KindFor the field, or the field must be stored as text, which
// takes every kind.
type Column struct {
	Field      crosswalk.Field
	Kind       column.Kind
	Identifier bool // decides which row a record updates
	KeepOnNull bool // a null keeps the value the row has
}

// Lookup is a lookup field that is filled with the GSID of the row whose
// fields equal values of the record. Texts compare byte by byte; what is
// empty equals nothing. A match whose values are all empty leaves the field
// empty.
type Lookup struct {
	Field     crosswalk.Field  // the lookup field
	Object    crosswalk.Object // what it points to
	Match     []Column         // 1 to crosswalk.MaxIdentifiers fields of Object that must all be equal
	OnSeveral crosswalk.SeveralPolicy
	OnNone    crosswalk.NonePolicy
}

// Person says how the Person of each Company Person is found or made.
type Person struct {
	Object crosswalk.Object
	// Columns are the fields of Person to fill. The one identifier among them
	// is the field by which a Person is found.
	Columns []Column
}

// The fields of Company_Person that identify its rows.
const (
	personField  = "Person"
	companyField = "Company"
)

// Config says what a Writer writes.
type Config struct {
	Object       crosswalk.Object
	Columns      []Column
	Lookups      []Lookup
	Person       *Person             // only for Company_Person, whose identifiers are Person and Company then; Company must be among the lookups
	Operation    crosswalk.Operation // "" means OperationUpsert
	Restore      string              // API name of a Boolean field that becomes true when the record of a row is back that was gone; "" for none. What the job fills it with counts more
	Modified     bool                // the batch tells when each record was modified last, which decides between records with the same identifiers
	Versions     bool                // with Modified: an insert without identifiers makes a row of each version of a record, once over all runs, rather than of each record in each run
	ConnectionID string              // where the records come from, with Entity and JobID
	Entity       string
	JobID        string // may be empty
	// Jobs are the IDs of all jobs there are. Rows of other jobs, which were
	// deleted, belong to nobody: a record that comes for one takes it over also
	// when its values stay as they are. With nil, no row is taken over.
	Jobs []string
	Run  int64 // number of the run
	// Load lets the batches fill the table without its unique index, if it is
	// empty and nothing else speaks against it: see Writer.Loading.
	Load bool
	By   string // who writes, for Created By and Modified By; may be empty
}

// Result says what became of a batch. Its counts and rejects add up to the
// rows of the batch.
type Result struct {
	Inserted   int64
	Updated    int64
	Unchanged  int64       // rows that already were as read; nothing was written
	Duplicates int64       // rows whose identifiers another record has too, which counts
	Skipped    int64       // rows that the operation leaves aside
	Rejects    []RowReject // rows that could not be stored, in the order they were found
}

// RowReject is a row that could not be stored.
type RowReject struct {
	Row     int    // in the batch
	Field   string // API name; behind "Person." one of the Person's
	Code    crosswalk.RejectCode
	Message string
	Value   string
}

// SaveFunc stores what belongs to a batch in the batch's transaction. An
// error rolls the whole batch back and is returned by Write as it is. It may
// be called again when the database gave the transaction up.
type SaveFunc = func(ctx context.Context, tx database.Execer, r Result) error

// check completes the configuration with the fields as the objects have them.
// It returns CodeInvalid for what cannot be written.
func (cfg *Config) check() error {
	var p crosswalk.Problems
	cfg.Columns, cfg.Lookups = slices.Clone(cfg.Columns), slices.Clone(cfg.Lookups)
	if cfg.Operation == "" {
		cfg.Operation = crosswalk.OperationUpsert
	}
	filled := filled{object: &cfg.Object, seen: map[string]bool{}, problems: &p}
	identifiers := 0
	for i := range cfg.Columns {
		c := &cfg.Columns[i]
		if !filled.field(fmt.Sprintf("mapping.fields[%d].target", i), &c.Field) {
			continue
		}
		if err := checkKind(c); err != nil {
			return err
		}
		if c.Identifier {
			identifiers++
		}
	}
	for i := range cfg.Lookups {
		l := &cfg.Lookups[i]
		at := fmt.Sprintf("mapping.derived[%d]", i)
		if !filled.field(at+".target", &l.Field) {
			continue
		}
		if k := column.KindFor(&l.Field); k != column.GUID {
			return fmt.Errorf("table: field %s takes %v, not a lookup", l.Field.Name, k)
		}
		if err := l.check(at, &p); err != nil {
			return err
		}
	}
	switch {
	case cfg.Person != nil:
		person := *cfg.Person
		cfg.Person = &person
		if err := cfg.checkPerson(identifiers, &filled); err != nil {
			return err
		}
	case identifiers == 0 && cfg.Operation != crosswalk.OperationInsert:
		p.Add("mapping.fields", "Choose at least one identifier.")
	}
	return p.Err("The mapping cannot be written")
}

// filled notes which fields of an object are filled.
type filled struct {
	object   *crosswalk.Object
	seen     map[string]bool
	problems *crosswalk.Problems
}

// field completes a field by its name and notes what is wrong with filling it.
// It reports whether the object has it.
func (s *filled) field(at string, f *crosswalk.Field) bool {
	known := s.object.Field(f.Name)
	if known == nil {
		s.problems.Add(at, "%s has no field %s.", s.object.Name, f.Name)
		return false
	}
	*f = *known
	switch {
	case f.System:
		s.problems.Add(at, "Crosswalk fills the field %s itself.", f.Name)
	case s.seen[f.Column()]:
		s.problems.Add(at, "The field %s is filled twice.", f.Name)
	}
	s.seen[f.Column()] = true
	return true
}

func (l *Lookup) check(at string, p *crosswalk.Problems) error {
	l.Match = slices.Clone(l.Match)
	if n := len(l.Match); n == 0 || n > crosswalk.MaxIdentifiers {
		p.Add(at+".match", "Give 1 to %d pairs.", crosswalk.MaxIdentifiers)
	}
	for k := range l.Match {
		c := &l.Match[k]
		f := l.Object.Field(c.Field.Name)
		if f == nil {
			p.Add(fmt.Sprintf("%s.match[%d].field", at, k), "%s has no field %s.", l.Object.Name, c.Field.Name)
			continue
		}
		c.Field, c.Identifier, c.KeepOnNull = *f, false, false
		if err := checkKind(c); err != nil {
			return err
		}
	}
	return nil
}

func (cfg *Config) checkPerson(identifiers int, f *filled) error {
	p := f.problems
	if identifiers > 0 {
		p.Add("mapping.fields", "A row of %s is identified by its Person and Company; choose no other identifier.", cfg.Object.Name)
	}
	if !slices.ContainsFunc(cfg.Lookups, func(l Lookup) bool { return l.Field.Name == companyField }) {
		p.Add("mapping.derived", "Fill the field %s of %s by a derived mapping.", companyField, cfg.Object.Name)
	}
	field := crosswalk.Field{Name: personField}
	f.field("mapping.person", &field)
	cfg.Person.Columns = slices.Clone(cfg.Person.Columns)
	of := filled{object: &cfg.Person.Object, seen: map[string]bool{}, problems: p}
	keys := 0
	for i := range cfg.Person.Columns {
		c := &cfg.Person.Columns[i]
		if !of.field(fmt.Sprintf("mapping.person.fields[%d].target", i), &c.Field) {
			continue
		}
		if err := checkKind(c); err != nil {
			return err
		}
		if c.Identifier {
			keys++
		}
	}
	if keys != 1 {
		p.Add("mapping.person.match", "Fill the one field by which a %s is found.", cfg.Person.Object.Name)
	}
	return nil
}

func checkKind(c *Column) error {
	if stored := column.KindFor(&c.Field); stored != column.Text && stored != c.Kind {
		return fmt.Errorf("table: field %s takes %v, not %v", c.Field.Name, stored, c.Kind)
	}
	return nil
}
