package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

func unauthorized(err error, message string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return crosswalk.Errorf(crosswalk.CodeUnauthorized, "%s", message)
	}
	return err
}

// InsertAPIToken stores a token of the API by its hash. It returns
// CodeConflict with the field "name" when the name is taken.
func (s *Store) InsertAPIToken(ctx context.Context, tokenHash []byte, name string, role crosswalk.Role) error {
	return s.saveAPIToken(ctx, tokenHash, name, role, false)
}

// ReplaceAPIToken is like InsertAPIToken, but a token with that name is
// replaced: the old one no longer works.
func (s *Store) ReplaceAPIToken(ctx context.Context, tokenHash []byte, name string, role crosswalk.Role) error {
	return s.saveAPIToken(ctx, tokenHash, name, role, true)
}

func (s *Store) saveAPIToken(ctx context.Context, tokenHash []byte, name string, role crosswalk.Role, replace bool) error {
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		if replace {
			if _, err := tx.Exec(ctx, "DELETE FROM cw_api_tokens WHERE name = $1", name); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, "INSERT INTO cw_api_tokens (token_hash, id, name, role, created_at) VALUES ($1, $2, $3, $4, $5)",
			tokenHash, crosswalk.NewID(), name, string(role), s.now())
		if database.IsUnique(err) {
			return taken("name", "A token named %s exists already.", name)
		}
		return err
	})
	return wrap(err, "save token")
}

// FindAPIToken returns who a token of the API acts as: a user with the
// token's name and role and without an e-mail address. It returns
// CodeUnauthorized when there is no such token.
func (s *Store) FindAPIToken(ctx context.Context, tokenHash []byte) (crosswalk.User, error) {
	u, err := scanUser(s.db.QueryRow(ctx, "SELECT u.id, u.name, '', u.role, u.created_at FROM cw_api_tokens u WHERE u.token_hash = $1", tokenHash))
	return u, wrap(unauthorized(err, "This token is not known."), "find token")
}

// InsertLink stores a one-time link by the hash of its token and forgets the
// ones that have expired.
func (s *Store) InsertLink(ctx context.Context, tokenHash []byte, expires time.Time) error {
	now := s.now()
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		if _, err := tx.Exec(ctx, "DELETE FROM cw_links WHERE expires_at <= $1", now); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "INSERT INTO cw_links (token_hash, created_at, expires_at) VALUES ($1, $2, $3)", tokenHash, now, database.Time{Time: expires})
		return err
	})
	return wrap(err, "insert link")
}

// TakeLink uses a one-time link up. It returns CodeUnauthorized when it was
// used already, has expired or never existed.
func (s *Store) TakeLink(ctx context.Context, tokenHash []byte) error {
	var n int64
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) (err error) {
		n, err = tx.Exec(ctx, "DELETE FROM cw_links WHERE token_hash = $1 AND expires_at > $2", tokenHash, s.now())
		return err
	})
	if err == nil && n == 0 {
		return crosswalk.Errorf(crosswalk.CodeUnauthorized, "This sign-in link was used already or has expired.").
			WithHint("Restart Crosswalk to get a new link, or sign in with your password.")
	}
	return wrap(err, "take link")
}

// HasLink reports whether a one-time link can still be used. When the
// database does not answer it reports false.
func (s *Store) HasLink(ctx context.Context, tokenHash []byte) bool {
	var ok bool
	err := s.db.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM cw_links WHERE token_hash = $1 AND expires_at > $2)", tokenHash, s.now()).Scan(&ok)
	return err == nil && ok
}
