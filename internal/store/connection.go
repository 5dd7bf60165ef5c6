package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// ConnectionFilter chooses connections. Search looks in the name, the address
// and the organization's name.
type ConnectionFilter struct{ Search string }

// ConnectionUpdate says what to change; nil keeps what there is.
type ConnectionUpdate struct {
	Name            *string
	SignInMode      *crosswalk.SignInMode
	ClientID        *string
	SealedSecret    []byte
	SecretExpiresAt *time.Time // the zero time means not known

	// The certificate, sealed with its key, and what may be shown of it; both
	// or neither.
	SealedCertificate []byte
	Certificate       *crosswalk.Certificate
}

// corrects reports whether the set-up of the sign-in changes, so that what was
// said of the old one no longer holds.
func (u ConnectionUpdate) corrects() bool {
	return u.SignInMode != nil || u.ClientID != nil || u.SealedSecret != nil || u.SealedCertificate != nil
}

// Sealed are the sealed secrets of a connection; nil means none.
type Sealed struct {
	Secret      []byte // client secret
	Certificate []byte // certificate with its private key
}

const connectionColumns = `c.id, c.name, c.connector, c.environment_url, c.sign_in_mode, c.client_id, c.secret IS NOT NULL,
	c.secret_expires_at, c.certificate_json, c.status, c.status_cause, c.status_hint, c.failure_json,
	c.organization_id, c.tenant_id, c.grant_json, c.tokens_expire_at, c.created_at, c.updated_at,
	(SELECT count(*) FROM cw_jobs j WHERE j.connection_id = c.id),
	(SELECT coalesce(r.ended_at, r.started_at, r.queued_at) FROM cw_runs r WHERE r.connection_id = c.id ORDER BY r.number DESC LIMIT 1)`

func (s *Store) scanConnection(row scanner) (crosswalk.Connection, error) {
	var c crosswalk.Connection
	var grant, certificate, failure sql.NullString
	var secretExpires, expires, created, updated, last database.Time
	err := row.Scan(&c.ID, &c.Name, &c.Connector, &c.EnvironmentURL, &c.SignInMode, &c.ClientID, &c.HasSecret, &secretExpires, &certificate, &c.Status, &c.StatusCause, &c.StatusHint, &failure,
		&c.OrganizationID, &c.TenantID, &grant, &expires, &created, &updated, &c.Jobs, &last)
	if err != nil {
		return c, err
	}
	c.CreatedAt, c.UpdatedAt, c.LastActivity, c.SecretExpiresAt = created.Time, updated.Time, last.Ptr(), secretExpires.Ptr()
	if certificate.Valid {
		c.Certificate = new(crosswalk.Certificate)
		if err := decode(certificate.String, c.Certificate); err != nil {
			return c, err
		}
	}
	if failure.Valid {
		c.SignInFailure = new(crosswalk.SignInFailure)
		if err := decode(failure.String, c.SignInFailure); err != nil {
			return c, err
		}
	}
	c.Warning = c.ExpiryWarning(s.Now())
	if grant.Valid {
		c.Authorization = new(crosswalk.Authorization)
		if err := decode(grant.String, c.Authorization); err != nil {
			return c, err
		}
		c.Authorization.ExpiresAt = expires.Time // moves with every refresh
	}
	return c, nil
}

func connectionNotFound(err error, id string) error {
	return notFound(err, "The list of connections has those there are; this one may have been deleted.", "There is no connection with the id %s.", id)
}

func connectionNameTaken(name string) error {
	return taken("name", "A connection named %s exists already.", name)
}

// InsertConnection stores a new connection, not authorized, and fills its
// status and times; a missing id is made, a missing connector becomes
// Dynamics 365 and a missing mode the sign-in as a user. The sealed secrets
// are sealed for the id. It returns CodeConflict with the field "name" when
// the name is taken, in whatever case of letters.
func (s *Store) InsertConnection(ctx context.Context, c *crosswalk.Connection, sealed Sealed) error {
	now := s.now()
	id := c.ID
	if id == "" {
		id = crosswalk.NewID()
	}
	connector := c.Connector
	if connector == "" {
		connector = crosswalk.ConnectorDynamics365
	}
	mode := c.SignInMode
	if mode == "" {
		mode = crosswalk.SignInUser
	}
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO cw_connections (id, name, name_key, connector, environment_url, sign_in_mode, client_id,
			secret, secret_expires_at, certificate, certificate_json, status, created_at, updated_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)`,
			id, c.Name, key(c.Name), connector, c.EnvironmentURL, string(mode), c.ClientID,
			sealed.Secret, optionalTime(c.SecretExpiresAt), sealed.Certificate, certificateText(c.Certificate), string(crosswalk.ConnectionNotAuthorized), now)
		if database.IsUnique(err) {
			return connectionNameTaken(c.Name)
		}
		return err
	})
	if err != nil {
		return wrap(err, "insert connection")
	}
	c.ID, c.Connector, c.SignInMode, c.Status, c.HasSecret = id, connector, mode, crosswalk.ConnectionNotAuthorized, sealed.Secret != nil
	c.CreatedAt, c.UpdatedAt = now.Time, now.Time
	c.Warning = c.ExpiryWarning(now.Time)
	return nil
}

// optionalTime is a time to store, NULL for nil and for the zero time.
func optionalTime(t *time.Time) any {
	if t == nil || t.IsZero() {
		return nil
	}
	return database.Time{Time: *t}
}

// certificateText is what may be shown of a certificate as stored, NULL for
// nil.
func certificateText(c *crosswalk.Certificate) any {
	if c == nil {
		return nil
	}
	return database.Text(encode(c))
}

// UpdateConnection changes a connection. While the name of its out-of-the-box
// job still follows the connection's, that job is renamed too, unless another
// job has that name. It returns CodeNotFound, or CodeConflict when the name is
// taken.
func (s *Store) UpdateConnection(ctx context.Context, id string, u ConnectionUpdate) error {
	now := s.now()
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		var name, clientID string
		var mode crosswalk.SignInMode
		var expires database.Time
		err := tx.QueryRow(ctx, "SELECT name, client_id, sign_in_mode, secret_expires_at FROM cw_connections WHERE id = $1", id).
			Scan(&name, &clientID, &mode, &expires)
		if err != nil {
			return connectionNotFound(err, id)
		}
		old := name
		if u.Name != nil {
			name = *u.Name
		}
		if u.ClientID != nil {
			clientID = *u.ClientID
		}
		if u.SignInMode != nil {
			mode = *u.SignInMode
		}
		if u.SecretExpiresAt != nil {
			expires = database.Time{Time: *u.SecretExpiresAt}
		}
		_, err = tx.Exec(ctx, `UPDATE cw_connections SET name = $2, name_key = $3, client_id = $4, sign_in_mode = $5, secret = coalesce($6, secret), secret_expires_at = $7,
			certificate = coalesce($8, certificate), certificate_json = coalesce($9, certificate_json), updated_at = $10,
			status_cause = CASE WHEN $11 AND status = $12 THEN '' ELSE status_cause END, status_hint = CASE WHEN $11 AND status = $12 THEN '' ELSE status_hint END WHERE id = $1`,
			id, name, key(name), clientID, string(mode), u.SealedSecret, optionalTime(expires.Ptr()), u.SealedCertificate, certificateText(u.Certificate), now,
			u.corrects(), string(crosswalk.ConnectionAuthorized))
		if database.IsUnique(err) {
			return connectionNameTaken(name)
		}
		if err != nil || name == old {
			return err
		}
		follow := crosswalk.UserSyncName(name)
		_, err = tx.Exec(ctx, `UPDATE cw_jobs SET name = $2, name_key = $3, version = version + 1, updated_at = $4
			WHERE connection_id = $1 AND out_of_the_box AND name = $5
			AND NOT EXISTS (SELECT 1 FROM cw_jobs other WHERE other.name_key = $3 AND other.id <> cw_jobs.id)`,
			id, follow, key(follow), now, crosswalk.UserSyncName(old))
		return err
	})
	return wrap(err, "update connection")
}

// FindConnection returns the connection with that id or CodeNotFound.
func (s *Store) FindConnection(ctx context.Context, id string) (crosswalk.Connection, error) {
	c, err := s.scanConnection(s.db.QueryRow(ctx, "SELECT "+connectionColumns+" FROM cw_connections c WHERE c.id = $1", id))
	return c, wrap(connectionNotFound(err, id), "find connection")
}

// FindConnectionByName returns the connection with that name, in whatever
// case of letters, or CodeNotFound.
func (s *Store) FindConnectionByName(ctx context.Context, name string) (crosswalk.Connection, error) {
	c, err := s.scanConnection(s.db.QueryRow(ctx, "SELECT "+connectionColumns+" FROM cw_connections c WHERE c.name_key = $1", key(name)))
	return c, wrap(notFound(err, "The list of connections has those there are; this one may have been deleted.", "There is no connection named %s.", name), "find connection")
}

// ListConnections lists connections by name.
func (s *Store) ListConnections(ctx context.Context, f ConnectionFilter, p Page) ([]crosswalk.Connection, string, int, error) {
	q := query{dialect: s.db.Dialect()}
	q.search(f.Search, "c.name", "c.environment_url", "c.organization_name")
	items, next, total, err := list(ctx, s, q, connectionColumns, "cw_connections c", order{columns: []string{"c.name_key"}}, p,
		func(row scanner) (crosswalk.Connection, []any, error) {
			c, err := s.scanConnection(row)
			return c, []any{key(c.Name)}, err
		})
	return items, next, total, wrap(err, "list connections")
}

// DeleteConnection deletes a connection with its jobs, their runs and
// rejects, and its tokens. Rows read through it stay. A run that is at work
// finds its next write refused. It returns CodeNotFound.
func (s *Store) DeleteConnection(ctx context.Context, id string) error {
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		n, err := tx.Exec(ctx, "DELETE FROM cw_connections WHERE id = $1", id)
		if err == nil && n == 0 {
			err = connectionNotFound(sql.ErrNoRows, id)
		}
		return err
	})
	return wrap(err, "delete connection")
}

// ConnectionSecrets returns the sealed secrets of a connection, or
// CodeNotFound.
func (s *Store) ConnectionSecrets(ctx context.Context, id string) (Sealed, error) {
	var sealed Sealed
	err := s.db.QueryRow(ctx, "SELECT secret, certificate FROM cw_connections WHERE id = $1", id).Scan(&sealed.Secret, &sealed.Certificate)
	return sealed, wrap(connectionNotFound(err, id), "read secrets")
}
