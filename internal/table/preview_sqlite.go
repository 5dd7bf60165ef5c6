package table

import (
	"context"
	"fmt"
	"strings"

	"zombiezen.com/go/sqlite"

	"github.com/crosswalk-data/crosswalk/internal/column"
)

// open implements previewer.
func (s *sqliteWriter) open(ctx context.Context, missing []string) error {
	for _, text := range missing {
		if err := s.exec(text); err != nil {
			return s.conflict(text, err)
		}
	}
	return s.prepare(ctx)
}

// stage implements previewer.
func (s *sqliteWriter) stage(_ context.Context, def *target, _ *column.Batch, _ *Result) error {
	return s.beginRows(s.targets[def])
}

// one implements previewer.
func (s *sqliteWriter) one(_ context.Context, def *target, b *column.Batch, row int, r *Result) error {
	return s.row(s.targets[def], b, row, r)
}

// look implements previewer.
func (s *sqliteWriter) look(_ context.Context, def *target, b *column.Batch, row int) ([]any, error) {
	t := s.targets[def]
	where := t.same(t.incoming().field)
	if t.identifiers == 0 {
		where = fmt.Sprintf("t.gsid = '%s'", t.made[row])
	}
	stmt, err := s.stmt(fmt.Sprintf("SELECT %s FROM %s t WHERE %s", strings.Join(t.looked(), ", "), quote(t.object.Table()), where))
	if err != nil {
		return nil, err
	}
	var values []any
	var bad error
	_, err = s.find1(t, stmt, b, row, func() {
		for i := range t.columns {
			var v any
			switch stmt.ColumnType(i) {
			case sqlite.TypeNull:
			case sqlite.TypeInteger:
				v = stmt.ColumnInt64(i)
			default:
				v = stmt.ColumnText(i)
			}
			if v, bad = value(t.stored[i], v); bad != nil {
				return
			}
			values = append(values, v)
		}
	})
	if err == nil {
		err = bad
	}
	if err != nil {
		return nil, fmt.Errorf("table: read %s: %w", t.object.Table(), err)
	}
	return values, nil
}
