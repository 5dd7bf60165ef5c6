package connector

import (
	"context"
	"errors"
	"fmt"
)

// Reseal seals every secret that was sealed with another key of the key file again
// with the one that seals now, one by one, and returns how many they were. When it is
// killed in the middle, the next call goes on. It returns an error when some secrets
// could not be resealed, such as those whose key is lost; the others are.
func (c *Connector) Reseal(ctx context.Context) (n int, err error) {
	list, err := c.Store.Secrets(ctx)
	if err != nil {
		return 0, err
	}
	var failed []error
	for _, s := range list {
		if !c.Keys.Stale(s.Sealed) {
			continue
		}
		where := "connection/" + s.ConnectionID + "/" + string(s.Kind)
		plain, err := c.Keys.Open(s.Sealed, where)
		var sealed []byte
		if err == nil {
			sealed, err = c.Keys.Seal(plain, where)
		}
		if err == nil {
			err = c.Store.Reseal(ctx, s, sealed)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", where, err))
			continue
		}
		n++
	}
	return n, errors.Join(failed...)
}
