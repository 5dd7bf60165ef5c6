package store

import (
	"context"
	"slices"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// Use is a job that names fields of an object.
type Use struct {
	Job    crosswalk.Job // ID, Name, Version, Object, Mapping and Deletes
	Writes bool          // whether the job makes rows of the object, or persons
	Fields map[string]crosswalk.ObjectUse
}

// ObjectUses returns the jobs that fill fields of an object or find rows by
// them, by name.
func (s *Store) ObjectUses(ctx context.Context, q database.Querier, object string) ([]Use, error) {
	objects, err := s.ObjectsIn(ctx, q)
	if err != nil {
		return nil, err
	}
	rows, err := q.Query(ctx, "SELECT id, name, version, object, mapping_json, deletes_json FROM cw_jobs ORDER BY name_key")
	if err != nil {
		return nil, wrap(err, "uses of an object")
	}
	defer rows.Close()
	var uses []Use
	for rows.Next() {
		var j crosswalk.Job
		var mapping, deletes string
		if err := rows.Scan(&j.ID, &j.Name, &j.Version, &j.Object, &mapping, &deletes); err != nil {
			return nil, wrap(err, "uses of an object")
		}
		if err := decode(mapping, &j.Mapping); err != nil {
			return nil, err
		}
		if err := decode(deletes, &j.Deletes); err != nil {
			return nil, err
		}
		if u := useOf(&j, object, objects); u.Writes || len(u.Fields) > 0 {
			uses = append(uses, u)
		}
	}
	return uses, wrap(rows.Err(), "uses of an object")
}

func useOf(j *crosswalk.Job, object string, objects []crosswalk.Object) Use {
	u := Use{
		Job: *j, Fields: map[string]crosswalk.ObjectUse{},
		Writes: strings.EqualFold(j.Object, object) || j.Mapping.Person != nil && strings.EqualFold("Person", object),
	}
	for _, r := range references(j, object, objects) {
		use := u.Fields[*r.field]
		u.Fields[*r.field] = crosswalk.ObjectUse{
			ID: j.ID, Name: j.Name, Version: j.Version, Identifier: use.Identifier || r.identifier, Match: use.Match || r.match,
		}
	}
	return u
}

// reference is a place of a job that names a field of an object.
type reference struct {
	field      *string
	identifier bool // rows that the job writes are found by it
	match      bool // rows of lookups are found by it, or rows deactivated
}

// references returns where a job names fields of an object. Of the objects the
// one that the job writes into tells where its lookups lead.
func references(j *crosswalk.Job, object string, objects []crosswalk.Object) (list []reference) {
	fill := func(rows []crosswalk.FieldMapping) {
		for i := range rows {
			list = append(list, reference{field: &rows[i].Target, identifier: rows[i].Identifier})
		}
	}
	m := &j.Mapping
	own := strings.EqualFold(j.Object, object)
	if own {
		fill(m.Fields)
		if j.Deletes.Field != "" {
			list = append(list, reference{field: &j.Deletes.Field, match: true})
		}
	}
	if p := m.Person; p != nil && strings.EqualFold(object, "Person") {
		fill(p.Fields)
		list = append(list, reference{field: &p.Match, identifier: true})
	}
	i := slices.IndexFunc(objects, func(o crosswalk.Object) bool { return strings.EqualFold(o.Name, j.Object) })
	for d := range m.Derived {
		if own {
			list = append(list, reference{field: &m.Derived[d].Target})
		}
		if i < 0 {
			continue
		}
		lookup := objects[i].Field(m.Derived[d].Target)
		if lookup == nil || !strings.EqualFold(lookup.Lookup, object) {
			continue
		}
		for k := range m.Derived[d].Match {
			list = append(list, reference{field: &m.Derived[d].Match[k].Field, match: true})
		}
	}
	return list
}

// remap lets a job follow a change of the fields of an object: those that are
// gone it no longer fills, and renamed ones (new API names by old ones) have
// their new names. It reports whether the job had to change.
func remap(j *crosswalk.Job, object string, objects []crosswalk.Object, renamed map[string]string, gone []string) (changed bool) {
	m := &j.Mapping
	dropped := func(field string) bool {
		is := slices.Contains(gone, field)
		changed = changed || is
		return is
	}
	fills := func(f crosswalk.FieldMapping) bool { return dropped(f.Target) }
	if strings.EqualFold(j.Object, object) {
		m.Fields = slices.DeleteFunc(m.Fields, fills)
		m.Derived = slices.DeleteFunc(m.Derived, func(d crosswalk.DerivedMapping) bool { return dropped(d.Target) })
	}
	if m.Person != nil && strings.EqualFold(object, "Person") {
		m.Person.Fields = slices.DeleteFunc(m.Person.Fields, fills)
	}
	for _, r := range references(j, object, objects) {
		if name, ok := renamed[*r.field]; ok {
			*r.field, changed = name, true
		}
	}
	return changed
}
