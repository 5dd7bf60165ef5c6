package api

import (
	"context"
	"net/http"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
)

// PreviewInput is a definition to try out.
type PreviewInput struct {
	JobCheck
	Limit int `json:"limit,omitempty" minimum:"1" maximum:"100" default:"20" doc:"How many records to read"`
}

// FormulaInput is a formula to try out.
type FormulaInput struct {
	ConnectionID string `json:"connection_id"`
	Entity       string `json:"entity" doc:"Logical name of the source table"`
	Object       string `json:"object" doc:"API name of the target object"`
	Formula      string `json:"formula"`
	TimeZone     string `json:"time_zone,omitempty" doc:"IANA time zone of the formula's days"`
	Limit        int    `json:"limit,omitempty" minimum:"1" maximum:"100" default:"10" doc:"How many records to read"`
}

// FormulaResult is what a formula gives.
type FormulaResult struct {
	Gives string               `json:"gives" doc:"Kind of its values, for example \"a number\""`
	Items []mapping.Evaluation `json:"items" doc:"What it gives for the first records"`
}

func (a *api) mappingRoutes() {
	const tag = "Jobs"
	register(a, operation{
		method: http.MethodPost, path: "/api/jobs/preview", id: "preview-job", tag: tag, role: crosswalk.RoleAdmin,
		summary: "Say what a run would do with the first records",
		detail:  "Reads records and takes them the whole way of a run, up to a transaction that is rolled back. Nothing is written.",
	}, func(ctx context.Context, in *body[Form[PreviewInput]]) (*body[crosswalk.Preview], error) {
		job := in.Body.Value.job()
		job.ID = in.Body.Value.ID
		p, err := a.problems(ctx, job)
		if err != nil {
			return nil, err
		}
		if err := in.Body.refusal(a, "The job cannot be previewed as it is.", p); err != nil {
			return nil, err
		}
		return one(a.Preview(ctx, job, limited(in.Body.Value.Limit, 20)))
	})
	register(a, operation{
		method: http.MethodPost, path: "/api/formulas/evaluate", id: "evaluate-formula", tag: tag, role: crosswalk.RoleAdmin,
		summary: "Compute a formula for the first records",
	}, func(ctx context.Context, in *body[FormulaInput]) (*body[FormulaResult], error) {
		job := crosswalk.Job{
			ConnectionID: in.Body.ConnectionID, Entity: in.Body.Entity, Object: in.Body.Object, Mapping: crosswalk.Mapping{TimeZone: in.Body.TimeZone},
		}
		gives, found, err := a.Evaluate(ctx, job, in.Body.Formula, limited(in.Body.Limit, 10))
		if err != nil {
			return nil, err
		}
		return &body[FormulaResult]{FormulaResult{gives, found}}, nil
	})
	register(a, operation{
		method: http.MethodGet, path: "/api/formulas/functions", id: "list-functions", tag: tag, role: crosswalk.RoleViewer,
		summary: "List the functions of formulas", detail: "By group.",
	}, func(context.Context, *struct{}) (*body[Items[mapping.Function]], error) {
		return items(mapping.Functions(), nil)
	})
	register(a, operation{
		method: http.MethodGet, path: "/api/connections/{id}/entities/{logical_name}/suggestions", id: "suggest-mapping", tag: tag, role: crosswalk.RoleViewer,
		summary: "Suggest a mapping of a table to an object", detail: "By known pairs, names and types. Each row can be saved as it is.",
	}, func(ctx context.Context, in *struct {
		IDInput
		LogicalName string `path:"logical_name" pattern:"^[a-z0-9_]+$"`
		Object      string `query:"object" required:"true" doc:"API name of the target object"`
	},
	) (*body[Items[crosswalk.FieldMapping]], error) {
		object, err := a.Store.FindObject(ctx, in.Object)
		if err != nil {
			return nil, err
		}
		entity, err := a.Connector.Entity(ctx, in.ID, in.LogicalName)
		if err != nil {
			return nil, err
		}
		return items(mapping.Suggest(entity, &object), nil)
	})
	register(a, operation{
		method: http.MethodGet, path: "/api/jobs/{id}/drift", id: "job-drift", tag: tag, role: crosswalk.RoleViewer,
		summary: "Compare a job with the metadata of today", detail: "Empty when the job can run as it was saved.",
	}, func(ctx context.Context, in *IDInput) (*body[Items[mapping.Finding]], error) {
		job, err := a.Store.FindJob(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		entity, err := a.Connector.Entity(ctx, job.ConnectionID, job.Entity)
		if err != nil {
			return nil, err
		}
		input, err := a.Connector.Input(ctx, job, entity, time.Now())
		if err != nil {
			return nil, err
		}
		return items(mapping.Drift(input))
	})
}

// limited returns n, or what it means when it is absent.
func limited(n, absent int) int {
	if n == 0 {
		return absent
	}
	return n
}
