package api

import (
	"context"
	"net/http"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

// Row is a row of an object by the API names of its fields. Numbers with
// decimals are texts, so that no client rounds them.
type Row = map[string]any

func (a *api) objectRoutes() {
	const tag = "Objects"
	register(a, operation{
		method: http.MethodGet, path: "/api/objects", id: "list-objects", tag: tag, role: crosswalk.RoleViewer,
		summary: "List objects",
	}, a.listObjects)
	register(a, operation{
		method: http.MethodGet, path: "/api/objects/{name}", id: "get-object", tag: tag, role: crosswalk.RoleViewer,
		summary: "Get the definition of an object",
	}, func(ctx context.Context, in *struct {
		Name string `path:"name" doc:"API name"`
	},
	) (*body[crosswalk.Object], error) {
		object, err := a.Store.FindObject(ctx, in.Name)
		if err != nil {
			return nil, err
		}
		object.Rows, err = table.Count(ctx, a.DB, object)
		return one(object, err)
	})
	register(a, operation{
		method: http.MethodGet, path: "/api/objects/{name}/rows", id: "list-rows", tag: tag, role: crosswalk.RoleViewer,
		summary: "List rows of an object", detail: "Every value of a row under the API name of its field; numbers with decimals are texts, dates and times ISO 8601.",
	}, a.listRows)
}

func (a *api) listObjects(ctx context.Context, _ *struct{}) (*body[Items[crosswalk.Object]], error) {
	objects, err := a.Store.ListObjects(ctx)
	if err != nil {
		return nil, err
	}
	for i := range objects {
		if objects[i].Rows, err = table.Count(ctx, a.DB, objects[i]); err != nil {
			return nil, err
		}
	}
	return items(objects, nil)
}

func (a *api) listRows(ctx context.Context, in *struct {
	ListInput
	Name string `path:"name" doc:"API name of the object"`
	Sort string `query:"sort" doc:"API name of the field to sort by; GSID when absent"`
	Desc bool   `query:"desc" doc:"Sort from high to low"`
},
) (*body[List[Row]], error) {
	object, err := a.Store.FindObject(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	page, err := table.Rows(ctx, a.DB, object, table.RowQuery{
		Search: in.Q, Sort: in.Sort, Desc: in.Desc, Limit: in.Limit, Cursor: in.Cursor,
	})
	return list(page.Items, page.Next, int(page.Total), err)
}
