package api

import (
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/store"
)

func (a *api) rejectRoutes() {
	const tag = "Rejects"
	register(a, operation{
		method: http.MethodGet, path: "/api/runs/{id}/rejects", id: "list-rejects", tag: tag, role: crosswalk.RoleViewer,
		summary: "List the rejects of a run",
	}, func(ctx context.Context, in *struct {
		IDInput
		ListInput
		Code  crosswalk.RejectCode `query:"code" doc:"Only rejects with this reason"`
		Field string               `query:"field" doc:"Only rejects at this field"`
	},
	) (*body[List[crosswalk.Reject]], error) {
		if _, err := a.Store.FindRun(ctx, in.ID); err != nil {
			return nil, err
		}
		return list(a.Store.ListRejects(ctx, in.ID, store.RejectFilter{Search: in.Q, Code: in.Code, Field: in.Field}, in.page()))
	})
	register(a, operation{
		method: http.MethodGet, path: "/api/runs/{id}/rejects/groups", id: "group-rejects", tag: tag, role: crosswalk.RoleViewer,
		summary: "Group the rejects of a run by reason and field", detail: "The largest group first.",
	}, func(ctx context.Context, in *IDInput) (*body[Items[crosswalk.RejectGroup]], error) {
		if _, err := a.Store.FindRun(ctx, in.ID); err != nil {
			return nil, err
		}
		return items(a.Store.RejectGroups(ctx, in.ID))
	})
	huma.Register(a.huma, huma.Operation{
		OperationID: "download-rejects",
		Method:      http.MethodGet,
		Path:        "/api/runs/{id}/rejects.csv",
		Summary:     "Download the rejects of a run as CSV",
		Description: "UTF-8 with a header line. Cells that a spreadsheet would take for a formula begin with an apostrophe.",
		Tags:        []string{tag},
		Metadata:    map[string]any{roleKey: crosswalk.RoleViewer},
		Security:    []map[string][]string{{"session": {}}, {"token": {}}},
		Responses: map[string]*huma.Response{"200": {
			Description: "The rejects",
			Content:     map[string]*huma.MediaType{"text/csv": {Schema: &huma.Schema{Type: "string"}}},
		}},
	}, func(ctx context.Context, in *IDInput) (*huma.StreamResponse, error) {
		run, err := a.Store.FindRun(ctx, in.ID)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return &huma.StreamResponse{Body: func(hctx huma.Context) {
			hctx.SetHeader("Content-Type", "text/csv; charset=utf-8")
			hctx.SetHeader("Content-Disposition", fmt.Sprintf("attachment; filename=rejects-run-%d.csv", run.Number))
			a.writeRejects(ctx, csv.NewWriter(hctx.BodyWriter()), in.ID)
		}}, nil
	})
}

// writeRejects streams the rejects of a run. The status is sent by then, so
// an error can only end the body early; it is logged.
func (a *api) writeRejects(ctx context.Context, w *csv.Writer, runID string) {
	err := w.Write([]string{"id", "source_id", "field", "code", "message", "value", "record", "at"})
	if err == nil {
		err = a.Store.EachReject(ctx, runID, func(r crosswalk.Reject) error {
			return w.Write([]string{
				strconv.FormatInt(r.ID, 10), csvCell(r.SourceID), csvCell(r.Field), string(r.Code),
				csvCell(r.Message), csvCell(r.Value), csvCell(r.Record), r.At.UTC().Format(time.RFC3339),
			})
		})
	}
	w.Flush()
	if err == nil {
		err = w.Error()
	}
	if err != nil && ctx.Err() == nil {
		a.Logger.ErrorContext(ctx, "write rejects", "run", runID, "error", err)
	}
}

// csvCell keeps a spreadsheet from taking text of the source for a formula.
func csvCell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
