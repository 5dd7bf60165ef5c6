package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/connector"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
	"github.com/crosswalk-data/crosswalk/internal/store"
)

// JobInput is the definition of a job as a client sends it.
type JobInput struct {
	Name         string                `json:"name" doc:"Unique name, 1 to 100 characters"`
	ConnectionID string                `json:"connection_id"`
	Entity       string                `json:"entity" doc:"Logical name of the source table"`
	Object       string                `json:"object" doc:"API name of the target object"`
	Operation    crosswalk.Operation   `json:"operation,omitempty" enum:"upsert,insert,update" default:"upsert"`
	LoadMode     crosswalk.LoadMode    `json:"load_mode,omitempty" enum:"incremental,full" default:"incremental"`
	Deletes      crosswalk.Deletes     `json:"deletes,omitempty"`
	RejectLimit  crosswalk.RejectLimit `json:"reject_limit,omitempty"`
	Mapping      crosswalk.Mapping     `json:"mapping"`
	Filter       crosswalk.Filter      `json:"filter,omitempty"`
}

// JobChange replaces the definition of a job.
type JobChange struct {
	JobInput
	Version int64 `json:"version" doc:"The version you changed; refused when somebody changed the job meanwhile"`
}

// JobCheck is a definition to look at without saving it.
type JobCheck struct {
	JobInput
	ID string `json:"id,omitempty" doc:"The job it would replace; absent for a new one"`
}

// Problems is what is wrong with a definition, all at once.
type Problems struct {
	Problems []crosswalk.FieldError `json:"problems" doc:"Empty when the job can be saved"`
}

// Template is a ready definition.
type Template struct {
	Name        string                       `json:"name"`
	Title       string                       `json:"title"`
	Description string                       `json:"description"`
	Objects     []crosswalk.ObjectDefinition `json:"objects,omitempty" doc:"Custom objects that the job needs and that there are not yet: create them first"`
	Job         JobInput                     `json:"job"`
}

func (in JobInput) job() crosswalk.Job {
	return crosswalk.Job{
		Name:         in.Name,
		ConnectionID: in.ConnectionID,
		Entity:       in.Entity,
		Object:       in.Object,
		Operation:    in.Operation,
		LoadMode:     in.LoadMode,
		Deletes:      in.Deletes,
		RejectLimit:  in.RejectLimit,
		Mapping:      in.Mapping,
		Filter:       in.Filter,
	}
}

func inputOf(j crosswalk.Job) JobInput {
	return JobInput{
		Name:         j.Name,
		ConnectionID: j.ConnectionID,
		Entity:       j.Entity,
		Object:       j.Object,
		Operation:    j.Operation,
		LoadMode:     j.LoadMode,
		Deletes:      j.Deletes,
		RejectLimit:  j.RejectLimit,
		Mapping:      j.Mapping,
		Filter:       j.Filter,
	}
}

func (a *api) jobRoutes() {
	const tag = "Jobs"
	register(a, operation{
		method: http.MethodGet, path: "/api/jobs", id: "list-jobs", tag: tag, role: crosswalk.RoleViewer,
		summary: "List jobs",
	}, func(ctx context.Context, in *struct {
		ListInput
		ConnectionID string `query:"connection_id" doc:"Only jobs of this connection"`
	},
	) (*body[List[crosswalk.Job]], error) {
		return list(a.Store.ListJobs(ctx, store.JobFilter{Search: in.Q, ConnectionID: in.ConnectionID}, in.page()))
	})
	register(a, operation{
		method: http.MethodPost, path: "/api/jobs", id: "create-job", tag: tag, role: crosswalk.RoleAdmin,
		summary: "Create a job", status: http.StatusCreated,
	}, a.createJob)
	register(a, operation{
		method: http.MethodPost, path: "/api/jobs/check", id: "check-job", tag: tag, role: crosswalk.RoleViewer,
		summary: "Check a definition without saving it",
	}, a.checkJob)
	register(a, operation{
		method: http.MethodGet, path: "/api/jobs/{id}", id: "get-job", tag: tag, role: crosswalk.RoleViewer,
		summary: "Get a job",
	}, func(ctx context.Context, in *IDInput) (*body[crosswalk.Job], error) {
		return one(a.Store.FindJob(ctx, in.ID))
	})
	register(a, operation{
		method: http.MethodPut, path: "/api/jobs/{id}", id: "change-job", tag: tag, role: crosswalk.RoleAdmin,
		summary: "Change a job", detail: "Runs that are queued or running keep the definition they began with.",
	}, a.changeJob)
	register(a, operation{
		method: http.MethodDelete, path: "/api/jobs/{id}", id: "delete-job", tag: tag, role: crosswalk.RoleAdmin,
		summary: "Delete a job", detail: "Its runs and rejects go with it; synced rows stay.", status: http.StatusNoContent,
	}, a.deleteJob)
	register(a, operation{
		method: http.MethodPost, path: "/api/jobs/{id}/runs", id: "run-job", tag: tag, role: crosswalk.RoleOperator,
		summary: "Run a job now", status: http.StatusAccepted,
		detail: "One run of a job works at a time; one more may wait. Without a body it reads what the job's load mode says.",
	}, a.runJob)
	register(a, operation{
		method: http.MethodGet, path: "/api/connections/{id}/templates", id: "list-templates", tag: tag, role: crosswalk.RoleViewer,
		summary: "List ready job definitions for a connection",
	}, a.templates)
}

func (a *api) templates(ctx context.Context, in *IDInput) (*body[Items[Template]], error) {
	conn, err := a.Store.FindConnection(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	objects, err := a.Store.ListObjects(ctx)
	if err != nil {
		return nil, err
	}
	var out []Template
	for _, t := range crosswalk.Templates(conn.ID, conn.Name) {
		shown := Template{Name: t.Name, Title: t.Title, Description: t.Description, Job: inputOf(t.Job)}
		for _, o := range t.Objects {
			if !slices.ContainsFunc(objects, func(have crosswalk.Object) bool { return have.DisplayName == o.DisplayName }) {
				shown.Objects = append(shown.Objects, o)
			}
		}
		out = append(out, shown)
	}
	return items(out, nil)
}

// problems returns everything that is wrong with a definition. An error is
// returned when it cannot be looked at.
func (a *api) problems(ctx context.Context, job crosswalk.Job) (crosswalk.Problems, error) {
	var p crosswalk.Problems
	crosswalk.ValidateName(&p, "name", job.Name)
	other, err := a.Store.FindJobByName(ctx, job.Name)
	switch {
	case err == nil && other.ID != job.ID:
		p.AddHint("name", "Choose another name.", "A job named %s exists already.", job.Name)
	case err != nil && crosswalk.ErrorCode(err) != crosswalk.CodeNotFound:
		return nil, err
	}
	object, err := a.Store.FindObject(ctx, job.Object)
	switch {
	case job.Object == "":
		p.AddHint("object", "Name it by its API name, for example Company.", "Choose the object to write to.")
	case crosswalk.ErrorCode(err) == crosswalk.CodeNotFound:
		p.AddHint("object", "Choose one of the objects there are, or make it first.", "There is no object %s.", job.Object)
	case err != nil:
		return nil, err
	}
	objectOK := err == nil && job.Object != ""
	if objectOK && object.Name != job.Object {
		p.AddHint("object", "Write "+object.Name+".", "There is no object %s.", job.Object)
		objectOK = false
	}
	if objectOK {
		job.Check(&p, &object)
	}

	var entity *crosswalk.Entity
	conn, err := a.Store.FindConnection(ctx, job.ConnectionID)
	switch {
	case crosswalk.ErrorCode(err) == crosswalk.CodeNotFound:
		p.AddHint("connection_id", "Give the id of one of the connections there are.", "Choose a connection.")
	case err != nil:
		return nil, err
	case job.Entity == "":
		p.AddHint("entity", "Name it by its logical name, for example account.", "Choose the entity to read.")
	default:
		entity, err = a.Connector.Entity(ctx, conn.ID, job.Entity)
		if err != nil {
			message, hint := connector.Words(err)
			if crosswalk.ErrorCode(err) == crosswalk.CodeNotFound {
				p.AddHint("entity", hint, "%s", message)
			} else {
				p.AddHint("connection_id", hint, "%s", message)
			}
		}
	}
	if entity == nil || !objectOK {
		return p, nil
	}
	in, err := a.Connector.Input(ctx, job, entity, time.Now())
	if err != nil {
		return nil, err
	}
	_, err = mapping.Compile(in)
	var e *crosswalk.Error
	switch {
	case err == nil:
	case errors.As(err, &e) && e.Code == crosswalk.CodeInvalid:
		p = append(p, e.Fields...)
	default:
		return nil, err
	}
	return p, nil
}

func (a *api) checkJob(ctx context.Context, in *body[Form[JobCheck]]) (*body[Problems], error) {
	job := in.Body.Value.job()
	job.ID = in.Body.Value.ID
	p, err := a.problems(ctx, job)
	p, _ = in.Body.problems(a, p)
	if p == nil {
		p = crosswalk.Problems{}
	}
	return one(Problems{p}, err)
}

func (a *api) createJob(ctx context.Context, in *body[Form[JobInput]]) (*body[crosswalk.Job], error) {
	job := in.Body.Value.job()
	p, err := a.problems(ctx, job)
	if err != nil {
		return nil, err
	}
	if err := in.Body.refusal(a, "The job cannot be created.", p); err != nil {
		return nil, err
	}
	if err := a.Store.InsertJob(ctx, &job); err != nil {
		return nil, err
	}
	a.note(ctx, "job.created", job.Name, job.Entity+" → "+job.Object)
	return one(a.Store.FindJob(ctx, job.ID))
}

func (a *api) changeJob(ctx context.Context, in *struct {
	IDInput
	Body Form[JobChange]
},
) (*body[crosswalk.Job], error) {
	old, err := a.Store.FindJob(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	job := in.Body.Value.job()
	job.ID, job.Version = in.ID, in.Body.Value.Version
	job.OutOfTheBox, job.CreatedAt = old.OutOfTheBox, old.CreatedAt
	p, err := a.problems(ctx, job)
	if err != nil {
		return nil, err
	}
	if job.ConnectionID != old.ConnectionID {
		p.AddHint("connection_id", "Make a job of the other connection.", "The connection of a job cannot be changed.")
	}
	if old.OutOfTheBox && job.Entity != old.Entity {
		p.AddHint("entity", "Make another job for another source.", "The source of the out-of-the-box job is fixed.")
	}
	if old.OutOfTheBox && job.Object != old.Object {
		p.AddHint("object", "Make another job for another target.", "The target of the out-of-the-box job is fixed.")
	}
	if err := in.Body.refusal(a, "The job cannot be changed.", p); err != nil {
		return nil, err
	}
	if err := a.Store.UpdateJob(ctx, &job); err != nil {
		return nil, err
	}
	a.note(ctx, "job.changed", job.Name, "")
	return one(a.Store.FindJob(ctx, in.ID))
}

func (a *api) deleteJob(ctx context.Context, in *IDInput) (*struct{}, error) {
	job, err := a.Store.FindJob(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := a.Store.DeleteJob(ctx, in.ID); err != nil {
		return nil, err
	}
	a.note(ctx, "job.deleted", job.Name, "")
	return nil, nil
}
