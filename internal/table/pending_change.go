package table

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/crosswalk-data/crosswalk"
)

// changeLookups lets the lookups that rows wait for follow renamed fields, and
// forgets those of fields that are gone.
func (a *alterer) changeLookups(ctx context.Context, c *Change, gone []*crosswalk.Field) error {
	have, err := readColumns(ctx, a.d, "cw_lookups", a.tx.Query)
	if err != nil || len(have) == 0 {
		return err
	}
	fail := func(err error) error { return fmt.Errorf("table: lookups of %s: %w", c.Old.Name, err) }
	for _, f := range gone {
		const these = "(SELECT id FROM cw_lookups WHERE object = $1 AND field = $2)"
		for _, text := range []string{"DELETE FROM cw_pending WHERE lookup IN " + these, "DELETE FROM cw_lookup_origins WHERE lookup IN " + these, "DELETE FROM cw_lookups WHERE id IN " + these} {
			if _, err := a.tx.Exec(ctx, text, c.Old.Name, f.Name); err != nil {
				return fail(err)
			}
		}
	}
	if len(c.Renamed) == 0 {
		return nil
	}
	changes, err := a.renamedLookups(ctx, c)
	if err != nil {
		return fail(err)
	}
	// Names may be swapped, so each first gets one that no field has.
	for _, l := range changes {
		if _, err := a.tx.Exec(ctx, "UPDATE cw_lookups SET field = $2 WHERE id = $1", l.id, fmt.Sprintf("#%d", l.id)); err != nil {
			return fail(err)
		}
	}
	for _, l := range changes {
		if _, err := a.tx.Exec(ctx, "UPDATE cw_lookups SET field = $2, match = $3 WHERE id = $1", l.id, l.field, l.match); err != nil {
			return fail(err)
		}
	}
	return nil
}

// renamedLookup is a row of cw_lookups as it becomes.
type renamedLookup struct {
	id           int64
	field, match string
}

// renamedLookups returns the lookups of the object, and into it, with the
// names that fields have after the change.
func (a *alterer) renamedLookups(ctx context.Context, c *Change) ([]renamedLookup, error) {
	next := map[string]string{}
	for n, old := range c.Renamed {
		next[old] = n
	}
	rename := func(name *string) {
		if n, ok := next[*name]; ok {
			*name = n
		}
	}
	rows, err := a.tx.Query(ctx, "SELECT id, object, field, target, match FROM cw_lookups WHERE object = $1 OR target = $1", c.Old.Name)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []renamedLookup
	for rows.Next() {
		var l renamedLookup
		var object, target string
		if err := rows.Scan(&l.id, &object, &l.field, &target, &l.match); err != nil {
			return nil, err
		}
		if object == c.Old.Name {
			rename(&l.field)
		}
		if target == c.Old.Name {
			var names []string
			if err := json.Unmarshal([]byte(l.match), &names); err != nil {
				return nil, err
			}
			for i := range names {
				rename(&names[i])
			}
			match, err := json.Marshal(names)
			if err != nil {
				return nil, err
			}
			l.match = string(match)
		}
		list = append(list, l)
	}
	return list, errors.Join(rows.Err(), rows.Close())
}
