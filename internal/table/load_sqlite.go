package table

import (
	"context"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// add adds the rows of a batch to a table that is being loaded.
func (s *sqliteWriter) add(t *sqliteTarget, b *column.Batch, r *Result) error {
	now := database.FormatTime(time.Now())
	t.write.BindText(paramCreated, now)
	t.write.BindText(paramModified, now)
	t.write.BindInt64(paramOrigin, s.origin)
	t.write.BindInt64(paramRun, s.cfg.Run)
	for row := range b.Rows() {
		if !t.verdicts[row].open() {
			continue
		}
		s.text = crosswalk.NewGSID().AppendText36(s.text[:0])
		s.bindText(t.write, paramGSID, s.text)
		s.bindRecord(t, t.write, b, row)
		for i := range t.columns {
			s.bind(t.write, paramColumns+i, t.values[i], row, t.stored[i])
		}
		if _, err := s.step(t.write, nil); err != nil {
			return err
		}
		r.Inserted++
	}
	return nil
}

// loads implements engine.
func (s *sqliteWriter) loads(context.Context) ([]Load, error) {
	stmt, err := s.stmt("SELECT table_name, run FROM cw_loads") // the connection keeps it
	if err != nil {
		return nil, err
	}
	var list []Load
	for {
		more, err := stmt.Step()
		if err != nil || !more {
			if e := stmt.Reset(); err == nil {
				err = e
			}
			return list, err
		}
		list = append(list, Load{Table: stmt.ColumnText(0), Run: stmt.ColumnInt64(1)})
	}
}
