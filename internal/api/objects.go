package api

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

// Row is a row of an object by the API names of its fields. Numbers are
// texts, so that no client rounds them: many read a JSON number as a double.
type Row = map[string]any

// exact turns the numbers of a row into texts.
func exact(row Row) Row {
	for name, v := range row {
		switch v := v.(type) {
		case int64:
			row[name] = strconv.FormatInt(v, 10)
		case json.Number:
			row[name] = v.String()
		}
	}
	return row
}

// RowDetail is a row and where it came from.
type RowDetail struct {
	Row        Row         `json:"row" doc:"Every value under the API name of its field"`
	Provenance *Provenance `json:"provenance,omitempty" doc:"Absent when no run wrote the row"`
}

// Provenance says where a row came from. Names are those of today; what was
// deleted has none.
type Provenance struct {
	ConnectionID   string    `json:"connection_id"`
	ConnectionName string    `json:"connection_name,omitempty"`
	Entity         string    `json:"entity" doc:"Logical name of the table the record was read from"`
	SourceID       string    `json:"source_id" doc:"Key of the record there"`
	JobID          string    `json:"job_id,omitempty"`
	JobName        string    `json:"job_name,omitempty"`
	RunID          string    `json:"run_id,omitempty"`
	Run            int64     `json:"run" doc:"Number of the run that wrote the row last"`
	At             time.Time `json:"at" doc:"When it did"`
	// GoneAt is for jobs that flag or deactivate rows.
	GoneAt *time.Time `json:"gone_at,omitempty" doc:"When the row was flagged or deactivated because its record is gone; absent while the record is there"`
}

// RowsInput chooses and orders rows.
type RowsInput struct {
	Name   string   `path:"name" doc:"API name of the object"`
	Filter []string `query:"filter,explode" doc:"Condition such as \"ARR ge 1000\", \"Stage in Won,Lost\" or \"CSM is_null\": a field, one of eq, ne, gt, ge, lt, le, in, contains, starts_with, ends_with, is_null, is_not_null, and the value. May be given several times; all must hold"`
	Gone   string   `query:"gone" enum:"true,false" doc:"true: only rows that are flagged or deactivated because their records are gone; false: only the others; all when absent"`
	Sort   string   `query:"sort" doc:"API name of the field to sort by; GSID when absent"`
	Desc   bool     `query:"desc" doc:"Sort from high to low"`
}

func (in RowsInput) query() (table.RowQuery, error) {
	q := table.RowQuery{Sort: in.Sort, Desc: in.Desc}
	if in.Gone != "" {
		gone := in.Gone == "true"
		q.Gone = &gone
	}
	var p crosswalk.Problems
	for i, text := range in.Filter {
		c, err := table.ParseCondition(text)
		if err != nil {
			p.AddError(fmt.Sprintf("filter[%d]", i), err)
		}
		q.Where = append(q.Where, c)
	}
	return q, p.Err("The rows cannot be filtered like that.")
}

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
	a.objectChangeRoutes()
	register(a, operation{
		method: http.MethodGet, path: "/api/objects/{name}/rows", id: "list-rows", tag: tag, role: crosswalk.RoleViewer,
		summary: "List rows of an object", detail: "Every value of a row under the API name of its field; numbers are texts, so that no client rounds them; dates and times are ISO 8601. Rows that are flagged or deactivated because their records are gone also have \"gone_at\", since when.",
	}, a.listRows)
	register(a, operation{
		method: http.MethodGet, path: "/api/objects/{name}/rows/{gsid}", id: "get-row", tag: tag, role: crosswalk.RoleViewer,
		summary: "Get a row and where it came from",
	}, a.getRow)
	huma.Register(a.huma, huma.Operation{
		OperationID: "export-rows",
		Method:      http.MethodGet,
		Path:        "/api/objects/{name}/rows.csv",
		Summary:     "Download rows of an object as CSV",
		Description: "UTF-8 with a header line of API names. Texts that a spreadsheet would take for a formula begin with an apostrophe.",
		Tags:        []string{tag},
		Metadata:    map[string]any{roleKey: crosswalk.RoleViewer},
		Security:    []map[string][]string{{"session": {}}, {"token": {}}},
		Responses: map[string]*huma.Response{"200": {
			Description: "The rows",
			Content:     map[string]*huma.MediaType{"text/csv": {Schema: &huma.Schema{Type: "string"}}},
		}},
	}, a.exportRows)
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
	RowsInput
},
) (*body[List[Row]], error) {
	object, err := a.Store.FindObject(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	q.Search, q.Limit, q.Cursor = in.Q, in.Limit, in.Cursor
	page, err := table.Rows(ctx, a.DB, object, q)
	for _, row := range page.Items {
		exact(row)
	}
	return list(page.Items, page.Next, int(page.Total), err)
}

func (a *api) getRow(ctx context.Context, in *struct {
	Name string `path:"name" doc:"API name of the object"`
	GSID string `path:"gsid" doc:"GSID of the row"`
},
) (*body[RowDetail], error) {
	object, err := a.Store.FindObject(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	row, from, err := table.Row(ctx, a.DB, object, in.GSID)
	if err != nil {
		return nil, err
	}
	detail := RowDetail{Row: exact(row)}
	if from.Run == 0 {
		return &body[RowDetail]{detail}, nil
	}
	p := &Provenance{ConnectionID: from.ConnectionID, Entity: from.Entity, SourceID: from.SourceID, JobID: from.JobID, Run: from.Run, GoneAt: from.GoneAt}
	detail.Provenance = p
	if text, ok := row[crosswalk.ModifiedDateField].(string); ok {
		if p.At, err = time.Parse(time.RFC3339, text); err != nil {
			return nil, fmt.Errorf("modified date of %s: %w", in.GSID, err)
		}
	}
	conn, err := a.Store.FindConnection(ctx, from.ConnectionID)
	if err := present(err); err != nil {
		return nil, err
	}
	p.ConnectionName = conn.Name
	run, err := a.Store.FindRunByNumber(ctx, from.Run)
	if err := present(err); err != nil {
		return nil, err
	}
	p.RunID, p.JobName = run.ID, run.JobName
	return &body[RowDetail]{detail}, nil
}

// present passes an error on unless it says that something is gone.
func present(err error) error {
	if crosswalk.ErrorCode(err) == crosswalk.CodeNotFound {
		return nil
	}
	return err
}

func (a *api) exportRows(ctx context.Context, in *struct {
	RowsInput
	Q      string   `query:"q" doc:"Text to search for"`
	Fields []string `query:"fields" doc:"API names of the fields to write, and \"gone_at\" for when the record went; all fields when absent, with gone_at when only rows whose records are gone are asked for"`
},
) (*huma.StreamResponse, error) {
	object, err := a.Store.FindObject(ctx, in.Name)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	q, err := in.query()
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	q.Search = in.Q
	if err := table.CheckQuery(a.DB, object, q); err != nil {
		return nil, a.problem(ctx, err)
	}
	goneAt := crosswalk.Field{Name: table.GoneAt, Type: crosswalk.FieldDateTime}
	fields := object.Fields
	if in.Gone == "true" {
		fields = append(slices.Clone(fields), goneAt)
	}
	if len(in.Fields) > 0 {
		var p crosswalk.Problems
		fields = nil
		for _, name := range in.Fields {
			if f := object.Field(name); f != nil {
				fields = append(fields, *f)
			} else if name == table.GoneAt {
				fields = append(fields, goneAt)
			} else {
				p.AddHint("fields", "Fields go by their API names, which the object's definition has.", "%s has no field %s.", object.Name, name)
			}
		}
		if err := p.Err("The rows cannot be written like that."); err != nil {
			return nil, a.problem(ctx, err)
		}
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		hctx.SetHeader("Content-Type", "text/csv; charset=utf-8")
		hctx.SetHeader("Content-Disposition", fmt.Sprintf("attachment; filename=%s.csv", object.Table()))
		a.writeRows(ctx, csv.NewWriter(hctx.BodyWriter()), object, fields, q)
	}}, nil
}

// writeRows streams rows. The status is sent by then, so an error can only cut
// the connection, lest a part be taken for the whole.
func (a *api) writeRows(ctx context.Context, w *csv.Writer, object crosswalk.Object, fields []crosswalk.Field, q table.RowQuery) {
	line := make([]string, len(fields))
	for i, f := range fields {
		line[i] = f.Name
	}
	err := w.Write(line)
	if err == nil {
		err = table.EachRow(ctx, a.DB, object, q, func(row map[string]any) error {
			for i := range fields {
				line[i] = rowCell(&fields[i], row[fields[i].Name])
			}
			return w.Write(line)
		})
	}
	w.Flush()
	if err == nil {
		err = w.Error()
	}
	if err == nil {
		return
	}
	if ctx.Err() == nil {
		a.Logger.ErrorContext(ctx, "export rows", "object", object.Name, "error", err)
	}
	panic(http.ErrAbortHandler)
}

// rowCell returns a value as a cell. Only texts can be taken for formulas.
func rowCell(f *crosswalk.Field, v any) string {
	if v == nil {
		return ""
	}
	text := fmt.Sprint(v)
	if column.KindFor(f) == column.Text {
		// Spreadsheets skip spaces and quotes in front of a formula.
		if strings.HasPrefix(strings.TrimLeft(text, " \"'"), "=") || slices.Contains([]string{"＝", "＋", "－", "＠"}, firstRune(text)) {
			return "'" + text
		}
		return csvCell(text)
	}
	return text
}

func firstRune(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}
