package api

import (
	"context"
	"net/http"

	"github.com/crosswalk-data/crosswalk"
)

// Items is a list that is not paged.
type Items[T any] struct {
	Items []T `json:"items"`
}

func items[T any](v []T, err error) (*body[Items[T]], error) {
	if err != nil {
		return nil, err
	}
	if v == nil {
		v = []T{}
	}
	return &body[Items[T]]{Items[T]{v}}, nil
}

func (a *api) entityRoutes() {
	register(a, operation{
		method: http.MethodGet, path: "/api/connections/{id}/entities", id: "list-entities", tag: "Entities", role: crosswalk.RoleViewer,
		summary: "List the readable tables of a connection", detail: "Without their attributes; sorted by display name.",
	}, func(ctx context.Context, in *struct {
		IDInput
		Q string `query:"q" doc:"Text in the display or logical name"`
	},
	) (*body[Items[crosswalk.Entity]], error) {
		return items(a.Connector.Entities(ctx, in.ID, in.Q))
	})
	register(a, operation{
		method: http.MethodGet, path: "/api/connections/{id}/entities/{logical_name}", id: "get-entity", tag: "Entities", role: crosswalk.RoleViewer,
		summary: "Get a table with its attributes",
	}, func(ctx context.Context, in *struct {
		IDInput
		LogicalName string `path:"logical_name" pattern:"^[a-z0-9_]+$"`
	},
	) (*body[*crosswalk.Entity], error) {
		return one(a.Connector.Entity(ctx, in.ID, in.LogicalName))
	})
}
