package store

import (
	"context"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

const userColumns = "u.id, u.name, u.email, u.role, u.created_at"

func scanUser(row scanner, more ...any) (crosswalk.User, error) {
	var u crosswalk.User
	var created database.Time
	err := row.Scan(append([]any{&u.ID, &u.Name, &u.Email, &u.Role, &created}, more...)...)
	u.CreatedAt = created.Time
	return u, err
}

// InsertFirstUser stores the first user by a one-time link, which is used up
// with it or not at all, and fills the id and the time. It returns CodeUnauthorized when the link cannot be
// used and CodeConflict when there is a user already.
func (s *Store) InsertFirstUser(ctx context.Context, linkHash []byte, u *crosswalk.User, passwordHash string) error {
	user := *u
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		var n int
		if err := tx.QueryRow(ctx, "SELECT count(*) FROM cw_users").Scan(&n); err != nil {
			return err
		}
		if n > 0 {
			return crosswalk.Errorf(crosswalk.CodeConflict, "The administrator was already made.").WithHint("Sign in.")
		}
		if err := s.takeLink(ctx, tx, linkHash); err != nil {
			return err
		}
		now := s.now()
		user.ID, user.CreatedAt = crosswalk.NewID(), now.Time
		_, err := tx.Exec(ctx, "INSERT INTO cw_users (id, name, email, email_key, role, password_hash, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
			user.ID, user.Name, user.Email, key(user.Email), string(user.Role), passwordHash, now)
		return err
	})
	if err != nil {
		return wrap(err, "insert first user")
	}
	*u = user
	return nil
}

// FindUserByEmail returns the user with that e-mail address, in whatever case
// of letters, and the hash of the password, or CodeNotFound.
func (s *Store) FindUserByEmail(ctx context.Context, email string) (crosswalk.User, string, error) {
	var hash string
	u, err := scanUser(s.db.QueryRow(ctx, "SELECT "+userColumns+", u.password_hash FROM cw_users u WHERE u.email_key = $1", key(database.Text(email))), &hash)
	return u, hash, wrap(notFound(err, "Check the address.", "There is no user with the e-mail address %s.", email), "find user")
}

// FirstAdmin returns the oldest super administrator or CodeNotFound.
func (s *Store) FirstAdmin(ctx context.Context) (crosswalk.User, error) {
	u, err := scanUser(s.db.QueryRow(ctx, "SELECT "+userColumns+" FROM cw_users u WHERE u.role = $1 ORDER BY u.created_at, u.id LIMIT 1", string(crosswalk.RoleSuperAdmin)))
	return u, wrap(notFound(err, "Make the first one with the link that the server printed at its start.", "There is no administrator yet."), "find administrator")
}

// CountUsers returns the number of users.
func (s *Store) CountUsers(ctx context.Context) (int, error) {
	var n int
	err := s.db.QueryRow(ctx, "SELECT count(*) FROM cw_users").Scan(&n)
	return n, wrap(err, "count users")
}

// InsertSession stores a browser's session by the hash of its token and
// forgets the ones that have expired. It returns CodeNotFound when the user
// does not exist.
func (s *Store) InsertSession(ctx context.Context, tokenHash []byte, userID string, expires time.Time) error {
	now := s.now()
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		if _, err := tx.Exec(ctx, "DELETE FROM cw_sessions WHERE expires_at <= $1", now); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "INSERT INTO cw_sessions (token_hash, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4)",
			tokenHash, userID, now, database.Time{Time: expires})
		if database.IsForeignKey(err) {
			return crosswalk.Errorf(crosswalk.CodeNotFound, "There is no user with the id %s.", userID).
				WithHint("Sign in as another user.")
		}
		return err
	})
	return wrap(err, "insert session")
}

// FindSession returns the user of a session that has not expired, or
// CodeUnauthorized.
func (s *Store) FindSession(ctx context.Context, tokenHash []byte) (crosswalk.User, error) {
	u, err := scanUser(s.db.QueryRow(ctx, "SELECT "+userColumns+" FROM cw_sessions t JOIN cw_users u ON u.id = t.user_id WHERE t.token_hash = $1 AND t.expires_at > $2", tokenHash, s.now()))
	return u, wrap(unauthorized(err, "Your session has ended.", "Sign in again."), "find session")
}

// DeleteSession ends a session. One that does not exist is not an error.
func (s *Store) DeleteSession(ctx context.Context, tokenHash []byte) error {
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		_, err := tx.Exec(ctx, "DELETE FROM cw_sessions WHERE token_hash = $1", tokenHash)
		return err
	})
	return wrap(err, "delete session")
}
