package table

import (
	"context"
	"fmt"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// writePersons makes or updates the Persons of the rows that are still to be
// written, and finds their GSIDs.
func (w *Writer) writePersons(ctx context.Context, b *column.Batch, r *Result) error {
	p, main := w.person, &w.main.plan
	for row, v := range main.verdicts {
		if !v.open() {
			p.verdicts[row] = v
		}
	}
	var persons Result // what becomes of a Person is not counted, only of the row
	p.dedupe(b, &persons)
	if err := w.engine.rows(ctx, p, b, &persons); err != nil {
		return err
	}
	r.Rejects = append(r.Rejects, persons.Rejects...)
	w.who.load(b)
	w.who.gather(b, main)
	if err := w.engine.find(ctx, w.who); err != nil {
		return err
	}
	if w.cfg.Operation == crosswalk.OperationUpdate {
		// A Person that does not exist has no row to update.
		for row, n := range w.who.tuple {
			if n >= 0 && w.who.found[n].rows == 0 {
				main.verdicts[row] = skipped
				r.Skipped++
			}
		}
	}
	w.who.apply(main, r)
	return nil
}

// discardPersons removes the Persons that this batch made for rows which could
// not be stored after all.
func (w *Writer) discardPersons(ctx context.Context, b *column.Batch, r *Result) error {
	if w.person == nil {
		return nil
	}
	var ids []string
	for _, rj := range r.Rejects {
		if len(w.who.out.Valid) > rj.Row && w.who.out.Valid[rj.Row] {
			ids = append(ids, "'"+string(appendGUID(nil, w.who.out.GUIDs[rj.Row]))+"'")
		}
	}
	if len(ids) == 0 {
		return nil
	}
	// A Person that an earlier batch made has a row that refers to it, or was
	// there before: then the job did not make it now.
	_, err := w.engine.Exec(ctx, fmt.Sprintf(`DELETE FROM %s WHERE gsid IN (%s) AND %s = $1 AND %s = $2 AND created_date = modified_date
		AND NOT EXISTS (SELECT 1 FROM %s t WHERE t.person = %s.gsid)`, quote(w.person.object.Table()), strings.Join(ids, ", "), originColumn, runColumn,
		quote(w.main.object.Table()), quote(w.person.object.Table())), w.origin, w.cfg.Run)
	if err != nil {
		return fmt.Errorf("table: remove %s: %w", w.person.object.Table(), err)
	}
	return nil
}
