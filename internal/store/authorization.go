package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// Authorize stores a new authorization with its sealed tokens, all or
// nothing. The first one pins the connection to its organization and tenant;
// a later one for another organization is refused with CodeConflict and
// changes nothing. The first one also stores the job that outOfTheBox makes:
// exactly once in the life of the connection, even when that job was deleted
// since. jobMade reports whether it did so now. outOfTheBox may be called more
// than once, or not at all.
func (s *Store) Authorize(ctx context.Context, id string, a crosswalk.Authorization, sealedTokens []byte, outOfTheBox func() crosswalk.Job) (jobMade bool, err error) {
	now := s.now()
	if a.AuthorizedAt.IsZero() {
		a.AuthorizedAt = now.Time
	}
	err = s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		var name, organization, organizationName string
		var made bool
		err := tx.QueryRow(ctx, "SELECT name, organization_id, organization_name, job_made FROM cw_connections WHERE id = $1", id).
			Scan(&name, &organization, &organizationName, &made)
		if err != nil {
			return connectionNotFound(err, id)
		}
		if organization != "" && !strings.EqualFold(organization, a.OrganizationID) {
			return crosswalk.Errorf(crosswalk.CodeConflict, "Connection %s belongs to the organization %s (%s), but the sign-in was for %s (%s). Nothing was changed.",
				name, cmp.Or(organizationName, "without a name"), organization, cmp.Or(a.OrganizationName, "without a name"), a.OrganizationID).
				WithHint("Sign in with an account of the first organization, or create another connection for the second.")
		}
		_, err = tx.Exec(ctx, `UPDATE cw_connections SET status = $2, status_cause = '', status_hint = '',
			organization_id = $3, organization_name = $4, tenant_id = $5, grant_json = $6,
			tokens = $7, tokens_version = tokens_version + 1, tokens_expire_at = $8, claims = '', failure_json = NULL, job_made = TRUE, updated_at = $9 WHERE id = $1`,
			id, string(crosswalk.ConnectionAuthorized), a.OrganizationID, database.Text(a.OrganizationName), a.TenantID, database.Text(encode(a)),
			sealedTokens, database.Time{Time: a.ExpiresAt}, now)
		if err != nil {
			return err
		}
		if jobMade = !made; made {
			return nil
		}
		job := outOfTheBox()
		job.ConnectionID = id
		base := job.Name
		for n := 2; ; n++ {
			var used bool
			if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM cw_jobs WHERE name_key = $1)", key(job.Name)).Scan(&used); err != nil {
				return err
			}
			if !used {
				return s.insertJob(ctx, tx, &job, now)
			}
			job.Name = fmt.Sprintf("%s (%d)", base, n)
		}
	})
	return jobMade && err == nil, wrap(err, "authorize connection")
}

// LoadTokens returns the sealed tokens of a connection and their version. It
// returns CodeDisconnected when there are none: the connection was never
// authorized, or it was revoked.
func (s *Store) LoadTokens(ctx context.Context, id string) (sealed []byte, version int64, err error) {
	var name string
	err = s.db.QueryRow(ctx, "SELECT name, tokens, tokens_version FROM cw_connections WHERE id = $1", id).Scan(&name, &sealed, &version)
	if err != nil {
		return nil, 0, wrap(connectionNotFound(err, id), "load tokens")
	}
	if sealed == nil {
		return nil, 0, crosswalk.Errorf(crosswalk.CodeDisconnected, "Connection %s is not authorized.", name).
			WithHint("Open Connections and choose Authorize.")
	}
	return sealed, version, nil
}

// SaveTokens replaces the tokens of a connection if they still have that
// version, and reports whether it did. false means that somebody else stored
// newer ones, or destroyed them. Tokens that Microsoft gave prove that the
// authorization works: whatever refusal was noted is forgotten.
func (s *Store) SaveTokens(ctx context.Context, id string, version int64, sealed []byte, expires time.Time) (bool, error) {
	var n int64
	ctx = database.WithPatience(ctx, 0) // they exist nowhere else
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) (err error) {
		n, err = tx.Exec(ctx, `UPDATE cw_connections SET tokens = $3, tokens_version = tokens_version + 1, tokens_expire_at = $4,
			status = $5, status_cause = '', status_hint = '', claims = '' WHERE id = $1 AND tokens_version = $2 AND tokens IS NOT NULL`,
			id, version, sealed, database.Time{Time: expires}, string(crosswalk.ConnectionAuthorized))
		return err
	})
	return n == 1, wrap(err, "save tokens")
}

// Revoke destroys the tokens of a connection; its jobs no longer run. It
// returns CodeNotFound, and CodeConflict when there is nothing to revoke.
func (s *Store) Revoke(ctx context.Context, id string) error {
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		var name, status string
		var tokens bool
		err := tx.QueryRow(ctx, "SELECT name, status, tokens IS NOT NULL FROM cw_connections WHERE id = $1", id).Scan(&name, &status, &tokens)
		if err != nil {
			return connectionNotFound(err, id)
		}
		if !tokens {
			return crosswalk.Errorf(crosswalk.CodeConflict, "Connection %s is not authorized, so there is nothing to revoke.", name).
				WithHint("Authorize it to use it, or delete it.")
		}
		_, err = tx.Exec(ctx, `UPDATE cw_connections SET status = $2, status_cause = '', status_hint = '', grant_json = NULL,
			tokens = NULL, tokens_version = tokens_version + 1, tokens_expire_at = NULL, updated_at = $3 WHERE id = $1`,
			id, string(crosswalk.ConnectionRevoked), s.now())
		return err
	})
	return wrap(err, "revoke connection")
}

// Refusal is that Microsoft gives no token for an authorization.
type Refusal struct {
	Version     int64  // of the tokens that it was asked with
	Disconnects bool   // the authorization itself is refused; else it stands, and only its set-up is at fault
	Cause, Hint string // why, and what to do about it
	Claims      string // what the next sign-in must ask for (JSON), as a challenge demanded; "" for nothing
}

// Refuse notes a refusal on a connection, if its tokens still have that
// version, and reports whether it did: false means that somebody else has
// stored newer tokens meanwhile, of which the refusal says nothing, or
// destroyed them. A connection that the refusal disconnects stays so until
// Authorize or SaveTokens stores newer tokens; otherwise its status stays and
// only the cause is shown.
func (s *Store) Refuse(ctx context.Context, id string, r Refusal) (bool, error) {
	var n int64
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) (err error) {
		n, err = tx.Exec(ctx, `UPDATE cw_connections SET status = CASE WHEN $3 THEN $4 ELSE status END, status_cause = $5, status_hint = $6,
			claims = CASE WHEN $7 = '' THEN claims ELSE $7 END, updated_at = $8 WHERE id = $1 AND tokens_version = $2 AND tokens IS NOT NULL`,
			id, r.Version, r.Disconnects, string(crosswalk.ConnectionDisconnected), database.Text(r.Cause), database.Text(r.Hint), database.Text(r.Claims), s.now())
		return err
	})
	return n == 1, wrap(err, "note refusal")
}

// NoteSignInFailure keeps why a try to authorize a connection failed, in place
// of an earlier one. Authorize forgets it. It returns CodeNotFound.
func (s *Store) NoteSignInFailure(ctx context.Context, id string, f crosswalk.SignInFailure) error {
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		n, err := tx.Exec(ctx, "UPDATE cw_connections SET failure_json = $2 WHERE id = $1", id, encode(f))
		if err == nil && n == 0 {
			err = connectionNotFound(sql.ErrNoRows, id)
		}
		return err
	})
	return wrap(err, "note failed sign-in")
}

// RequiredClaims returns the claims (JSON) that the next sign-in to a
// connection must ask for, "" for none; Authorize forgets them. It returns
// CodeNotFound.
func (s *Store) RequiredClaims(ctx context.Context, id string) (string, error) {
	var claims string
	err := s.db.QueryRow(ctx, "SELECT claims FROM cw_connections WHERE id = $1", id).Scan(&claims)
	return claims, wrap(connectionNotFound(err, id), "read required claims")
}

// SignIn is a sign-in that a browser has begun and not finished.
type SignIn struct {
	StateHash    []byte // hash of the state parameter; unique
	ConnectionID string
	Sealed       []byte // the verifier, the nonce and whatever else is secret
	SessionID    string // the session that began it, "" for none
	ReturnTo     string // where the browser goes afterwards
	ExpiresAt    time.Time
}

// InsertSignIn stores a sign-in and forgets the ones that have expired. It
// returns CodeNotFound when the connection does not exist.
func (s *Store) InsertSignIn(ctx context.Context, in SignIn) error {
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		if _, err := tx.Exec(ctx, "DELETE FROM cw_sign_ins WHERE expires_at <= $1", s.now()); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "INSERT INTO cw_sign_ins (state_hash, connection_id, sealed, session_id, return_to, expires_at) VALUES ($1, $2, $3, $4, $5, $6)",
			in.StateHash, in.ConnectionID, in.Sealed, in.SessionID, in.ReturnTo, database.Time{Time: in.ExpiresAt})
		if database.IsForeignKey(err) {
			return connectionNotFound(sql.ErrNoRows, in.ConnectionID)
		}
		return err
	})
	return wrap(err, "insert sign-in")
}

// TakeSignIn returns the sign-in and removes it, so that a state works once.
// It returns CodeNotFound when there is none or it has expired.
func (s *Store) TakeSignIn(ctx context.Context, stateHash []byte) (SignIn, error) {
	in := SignIn{StateHash: stateHash}
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		var expires database.Time
		err := tx.QueryRow(ctx, "DELETE FROM cw_sign_ins WHERE state_hash = $1 RETURNING connection_id, sealed, session_id, return_to, expires_at", stateHash).
			Scan(&in.ConnectionID, &in.Sealed, &in.SessionID, &in.ReturnTo, &expires)
		in.ExpiresAt = expires.Time
		return err
	})
	if err == nil && !in.ExpiresAt.After(s.Now()) {
		err = sql.ErrNoRows
	}
	if err != nil {
		return SignIn{}, wrap(notFound(err, "Authorize the connection again.", "This sign-in is not known: it was finished already, or it took too long."), "take sign-in")
	}
	return in, nil
}
