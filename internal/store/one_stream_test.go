package store_test

import (
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/store"
)

// That a table is read in one stream is remembered of each connection by
// itself, for 30 days, or until it is forgotten.
func TestOneStream(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		ctx := t.Context()
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		s.Now = func() time.Time { return now }
		one, other := connection(t, s, "one"), connection(t, s, "other")
		why := func(connection, entity string) string { return must(s.OneStream(ctx, connection, entity))(t) }
		equal(t, why(one.ID, "account"), "")
		ok(t, s.SaveOneStream(ctx, one.ID, "account", "Refused."))
		ok(t, s.SaveOneStream(ctx, other.ID, "account", "Slow."))
		equal(t, why(one.ID, "account"), "Refused.")
		equal(t, why(one.ID, "contact"), "")
		equal(t, why(other.ID, "account"), "Slow.")

		now = now.Add(29 * 24 * time.Hour)
		equal(t, why(one.ID, "account"), "Refused.")
		ok(t, s.SaveOneStream(ctx, one.ID, "account", "Refused again."))
		now = now.Add(2 * 24 * time.Hour)
		equal(t, why(one.ID, "account"), "Refused again.")
		equal(t, why(other.ID, "account"), "")

		ok(t, s.DropOneStream(ctx, one.ID))
		equal(t, why(one.ID, "account"), "")
		if err := s.SaveOneStream(ctx, "none", "account", "?"); crosswalk.ErrorCode(err) != crosswalk.CodeNotFound {
			t.Errorf("without a connection: %v", err)
		}
	})
}
