package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// unauthorized turns the absence of a row into CodeUnauthorized and passes any
// other error on.
func unauthorized(err error, message, hint string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return crosswalk.Errorf(crosswalk.CodeUnauthorized, "%s", message).WithHint("%s", hint)
	}
	return err
}

// ReplaceAPIToken stores a token of the API by its hash. A token that had the
// name before no longer works.
func (s *Store) ReplaceAPIToken(ctx context.Context, tokenHash []byte, name string, role crosswalk.Role) error {
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		if _, err := tx.Exec(ctx, "DELETE FROM cw_api_tokens WHERE name = $1", name); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "INSERT INTO cw_api_tokens (token_hash, id, name, role, created_at) VALUES ($1, $2, $3, $4, $5)",
			tokenHash, crosswalk.NewID(), name, string(role), s.now())
		return err
	})
	return wrap(err, "replace token")
}

// FindAPIToken returns who a token of the API acts as: a user with the
// token's name and role and without an e-mail address. It returns
// CodeUnauthorized when there is no such token.
func (s *Store) FindAPIToken(ctx context.Context, tokenHash []byte) (crosswalk.User, error) {
	u, err := scanUser(s.db.QueryRow(ctx, "SELECT u.id, u.name, '', u.role, u.created_at FROM cw_api_tokens u WHERE u.token_hash = $1", tokenHash))
	return u, wrap(unauthorized(err, "This token is not known.",
		"The file named token in the data directory of the server holds the one that works."), "find token")
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

// errLink is the answer to a one-time link that does not work.
func errLink() error {
	return crosswalk.Errorf(crosswalk.CodeUnauthorized, "This sign-in link was used already or has expired.").
		WithHint("Sign in with your password, or make a new link on the server's machine with: crosswalk link")
}

// TakeLink uses a one-time link up. It returns CodeUnauthorized when it was
// used already, has expired or never existed.
func (s *Store) TakeLink(ctx context.Context, tokenHash []byte) error {
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		return s.takeLink(ctx, tx, tokenHash)
	})
	return wrap(err, "take link")
}

func (s *Store) takeLink(ctx context.Context, tx *database.Tx, tokenHash []byte) error {
	n, err := tx.Exec(ctx, "DELETE FROM cw_links WHERE token_hash = $1 AND expires_at > $2", tokenHash, s.now())
	if err == nil && n == 0 {
		return errLink()
	}
	return err
}

// CheckLink returns CodeUnauthorized when a one-time link can no longer be
// used. It does not use it up.
func (s *Store) CheckLink(ctx context.Context, tokenHash []byte) error {
	var ok bool
	err := s.db.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM cw_links WHERE token_hash = $1 AND expires_at > $2)", tokenHash, s.now()).Scan(&ok)
	if err == nil && !ok {
		return errLink()
	}
	return wrap(err, "check link")
}
