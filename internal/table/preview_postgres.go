package table

import (
	"context"
	"fmt"
	"strings"

	"github.com/crosswalk-data/crosswalk/internal/column"
)

// open implements previewer.
func (p *postgresWriter) open(ctx context.Context, missing []string) error {
	// Whoever waits for a lock makes others wait behind it.
	if _, err := p.tx.Exec(ctx, "SET LOCAL lock_timeout = '5s'"); err != nil {
		return fmt.Errorf("table: settings: %w", err)
	}
	for _, text := range missing {
		if _, err := p.tx.Exec(ctx, text); err != nil {
			return p.conflict(text, err)
		}
	}
	return p.prepare(ctx)
}

// stage implements previewer.
func (p *postgresWriter) stage(ctx context.Context, def *target, b *column.Batch, r *Result) error {
	_, err := p.fillStage(ctx, p.targets[def], b, r)
	return err
}

// one implements previewer.
func (p *postgresWriter) one(ctx context.Context, def *target, _ *column.Batch, row int, r *Result) error {
	return p.span(ctx, p.targets[def], row, row+1, r)
}

// look implements previewer.
func (p *postgresWriter) look(ctx context.Context, def *target, _ *column.Batch, row int) ([]any, error) {
	t := p.targets[def]
	same := t.same(t.incoming().field)
	if t.identifiers == 0 {
		same = "t.gsid = s.gsid"
	}
	rows, err := p.tx.Query(ctx, fmt.Sprintf("SELECT %s FROM %s s JOIN %s t ON %s WHERE s.pos = $1", strings.Join(t.looked(), ", "), t.stage, quote(t.object.Table()), same), row)
	if err != nil {
		return nil, fmt.Errorf("table: read %s: %w", t.object.Table(), err)
	}
	defer rows.Close()
	var values []any
	for rows.Next() {
		if values, err = rows.Values(); err != nil {
			return nil, fmt.Errorf("table: read %s: %w", t.object.Table(), err)
		}
		for i, v := range values {
			if values[i], err = value(t.stored[i], v); err != nil {
				return nil, fmt.Errorf("table: read %s: %w", t.object.Table(), err)
			}
		}
	}
	return values, rows.Err()
}
