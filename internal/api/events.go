package api

import (
	"context"
	"net/http"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/store"
)

func (a *api) eventRoutes() {
	register(a, operation{
		method: http.MethodGet, path: "/api/events", id: "list-events", tag: "Activity", role: crosswalk.RoleViewer,
		summary: "List who did what", detail: "The newest first.",
	}, func(ctx context.Context, in *ListInput) (*body[List[crosswalk.Event]], error) {
		return list(a.Store.ListEvents(ctx, store.EventFilter{Search: in.Q}, in.page()))
	})
}
