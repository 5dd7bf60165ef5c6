package store

import (
	"context"

	"github.com/crosswalk-data/crosswalk/internal/database"
)

// SecretKind is what a stored secret of a connection is.
type SecretKind string

// The secrets of a connection.
const (
	ClientSecret SecretKind = "secret"
	Certificate  SecretKind = "certificate"
	Tokens       SecretKind = "tokens"
)

// Secret is a sealed secret of a connection.
type Secret struct {
	ConnectionID string
	Kind         SecretKind
	Sealed       []byte
}

// Secrets returns every secret of every connection.
func (s *Store) Secrets(ctx context.Context) ([]Secret, error) {
	rows, err := s.db.Query(ctx, "SELECT id, secret, certificate, tokens FROM cw_connections ORDER BY id")
	if err != nil {
		return nil, wrap(err, "list secrets")
	}
	defer rows.Close()
	var list []Secret
	for rows.Next() {
		var id string
		var sealed [3][]byte
		if err := rows.Scan(&id, &sealed[0], &sealed[1], &sealed[2]); err != nil {
			return nil, wrap(err, "list secrets")
		}
		for i, kind := range []SecretKind{ClientSecret, Certificate, Tokens} {
			if sealed[i] != nil {
				list = append(list, Secret{id, kind, sealed[i]})
			}
		}
	}
	return list, wrap(rows.Err(), "list secrets")
}

// Reseal stores the same secret sealed anew, unless there is another one by now.
func (s *Store) Reseal(ctx context.Context, old Secret, sealed []byte) error {
	query := map[SecretKind]string{
		ClientSecret: "UPDATE cw_connections SET secret = $3 WHERE id = $1 AND secret = $2",
		Certificate:  "UPDATE cw_connections SET certificate = $3 WHERE id = $1 AND certificate = $2",
		Tokens:       "UPDATE cw_connections SET tokens = $3 WHERE id = $1 AND tokens = $2",
	}[old.Kind]
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		_, err := tx.Exec(ctx, query, old.ConnectionID, old.Sealed, sealed)
		return err
	})
	return wrap(err, "seal a secret anew")
}
