package connector

import (
	"context"

	"github.com/crosswalk-data/crosswalk"
)

// Entities returns the readable tables of a connection's environment whose names
// contain search, without their attributes. The list is read once and kept until
// Refresh.
func (c *Connector) Entities(ctx context.Context, id, search string) ([]crosswalk.Entity, error) {
	found, _, err := c.Store.ListEntities(ctx, id, search)
	if err != nil || len(found) > 0 {
		return found, err
	}
	if search != "" {
		if all, _, err := c.Store.ListEntities(ctx, id, ""); err != nil || len(all) > 0 {
			return nil, err
		}
	}
	client, err := c.Client(ctx, id)
	if err != nil {
		return nil, err
	}
	all, err := client.Entities(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.Store.SaveEntities(ctx, id, all); err != nil {
		return nil, err
	}
	found, _, err = c.Store.ListEntities(ctx, id, search)
	return found, err
}

// Entity returns a table of a connection's environment with its attributes,
// from the cache when it is there. It returns CodeNotFound when there is no
// such table.
func (c *Connector) Entity(ctx context.Context, id, name string) (*crosswalk.Entity, error) {
	cached, _, err := c.Store.FindEntity(ctx, id, name)
	switch {
	case err == nil:
		return &cached, nil
	case crosswalk.ErrorCode(err) != crosswalk.CodeNotFound:
		return nil, err
	}
	return c.FreshEntity(ctx, id, name)
}

// FreshEntity reads a table's metadata from the environment and keeps it.
func (c *Connector) FreshEntity(ctx context.Context, id, name string) (*crosswalk.Entity, error) {
	client, err := c.Client(ctx, id)
	if err != nil {
		return nil, err
	}
	entity, err := client.Entity(ctx, name)
	if err != nil {
		return nil, err
	}
	return entity, c.Store.SaveEntity(ctx, id, *entity)
}

// Watch forgets the cached metadata of a connection when version, the one last seen
// by its client, differs from the one before: somebody has published a change. It
// also does so for the first version that the process sees, since it does not know
// what happened before that. An empty version changes nothing.
func (c *Connector) Watch(ctx context.Context, id, version string) error {
	c.mu.Lock()
	same := version == "" || c.versions[id] == version
	c.mu.Unlock()
	if same {
		return nil
	}
	if err := c.Store.DropEntities(ctx, id); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.versions[id] = version
	return nil
}

// Refresh forgets the cached metadata of a connection, and which of its tables cannot
// be read in several streams.
func (c *Connector) Refresh(ctx context.Context, id string) error {
	if err := c.Store.DropEntities(ctx, id); err != nil {
		return err
	}
	return c.Store.DropOneStream(ctx, id)
}
