package connector

import (
	"context"
	"slices"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
)

// Input returns what is needed to compile a job's mapping: its entity and object, the
// tables to which its lookups lead, and the objects to which its target points. now
// is the moment to which relative dates refer.
func (c *Connector) Input(ctx context.Context, job crosswalk.Job, entity *crosswalk.Entity, now time.Time) (mapping.Input, error) {
	objects, err := c.Store.ListObjects(ctx)
	if err != nil {
		return mapping.Input{}, err
	}
	find := func(name string) *crosswalk.Object {
		i := slices.IndexFunc(objects, func(o crosswalk.Object) bool { return o.Name == name })
		if i < 0 {
			return nil
		}
		return &objects[i]
	}
	object := find(job.Object)
	if object == nil {
		return mapping.Input{}, crosswalk.Errorf(crosswalk.CodeNotFound, "There is no object %s.", job.Object)
	}
	return mapping.Input{
		Entity: entity,
		Catalog: func(name string) (*crosswalk.Entity, error) {
			return c.Entity(ctx, job.ConnectionID, name)
		},
		Object:    object,
		Objects:   find,
		Mapping:   job.Mapping,
		Filter:    job.Filter,
		Operation: job.Operation,
		Now:       now,
	}, nil
}
