package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/store"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

// NamedDefinition is a definition for the object of a name.
type NamedDefinition struct {
	Name string `path:"name" doc:"API name of the object"`
	Body Form[crosswalk.ObjectDefinition]
}

// MadeObject is a new object.
type MadeObject struct {
	crosswalk.Object
	Warnings []string `json:"warnings,omitempty" doc:"What is unwise about it"`
}

// ObjectChange is a definition with the plan that was looked at.
type ObjectChange struct {
	crosswalk.ObjectDefinition
	Plan string `json:"plan" doc:"Hash of the plan; refused when the plan would be another one today"`
}

func (a *api) objectChangeRoutes() {
	const tag = "Objects"
	register(a, operation{
		method: http.MethodPost, path: "/api/objects", id: "create-object", tag: tag, role: crosswalk.RoleAdmin,
		summary: "Create a custom object", detail: "Its API name and those of its fields end in __gc.", status: http.StatusCreated,
	}, a.createObject)
	register(a, operation{
		method: http.MethodPost, path: "/api/objects/{name}/plan", id: "plan-object", tag: tag, role: crosswalk.RoleViewer,
		summary: "Plan a change of an object",
		detail:  "Compares the definition with the object as it is, and with its rows and jobs: what each step does, how many rows lose something or stand in the way, and which jobs use the field. Nothing is changed.",
	}, a.planObject)
	register(a, operation{
		method: http.MethodPut, path: "/api/objects/{name}", id: "change-object", tag: tag, role: crosswalk.RoleAdmin,
		summary: "Apply a planned change of an object",
		detail:  "All of it or nothing. Jobs follow renamed fields and no longer fill those that are gone.",
	}, a.changeObject)
	register(a, operation{
		method: http.MethodDelete, path: "/api/objects/{name}", id: "delete-object", tag: tag, role: crosswalk.RoleAdmin,
		summary: "Delete a custom object and its rows", detail: "Refused while a job writes into it or a lookup points to it.", status: http.StatusNoContent,
	}, a.deleteObject)
}

func (a *api) createObject(ctx context.Context, in *body[Form[crosswalk.ObjectDefinition]]) (*body[MadeObject], error) {
	objects, err := a.Store.ListObjects(ctx)
	if err != nil {
		return nil, err
	}
	object, err := crosswalk.NewObject(in.Body.Value, objects)
	if err := in.Body.refusalOf(a, "The object cannot be created.", err); err != nil {
		return nil, err
	}
	if err := a.Store.InsertObject(ctx, object); err != nil {
		return nil, err
	}
	// When the program ends in between, its next start makes the table.
	if err := table.Ensure(ctx, a.DB, object); err != nil {
		return nil, err
	}
	a.note(ctx, "object.created", object.Name, fmt.Sprintf("%d fields", len(object.Fields)))
	return &body[MadeObject]{MadeObject{object, fieldWarnings("has", object)}}, nil
}

// fieldWarnings warns of an object that has, or would have, very many fields.
func fieldWarnings(has string, o crosswalk.Object) []string {
	if len(o.Fields) <= crosswalk.RecommendedFields {
		return nil
	}
	return []string{fmt.Sprintf("The object %s %d fields; more than %d make lists slow and hard to read.", has, len(o.Fields), crosswalk.RecommendedFields)}
}

// plan returns what a definition would do, read through q.
func (a *api) plan(ctx context.Context, q database.Querier, name string, d crosswalk.ObjectDefinition) (table.Change, crosswalk.ObjectPlan, error) {
	var c table.Change
	var plan crosswalk.ObjectPlan
	objects, err := a.Store.ObjectsIn(ctx, q)
	if err != nil {
		return c, plan, err
	}
	i := slices.IndexFunc(objects, func(o crosswalk.Object) bool { return strings.EqualFold(o.Name, name) })
	if i < 0 {
		return c, plan, crosswalk.Errorf(crosswalk.CodeNotFound, "There is no object named %s.", name).
			WithHint("The list of objects has those there are; this one may have been deleted.")
	}
	c.Old = objects[i]
	if c.Next, c.Renamed, err = c.Old.Redefine(d, objects); err != nil {
		return c, plan, err
	}
	plan.Object = c.Old.Name
	if plan.Steps, err = table.PlanChange(ctx, q, a.DB.Dialect(), c); err != nil {
		return c, plan, err
	}
	uses, err := a.Store.ObjectUses(ctx, q, c.Old.Name)
	if err != nil {
		return c, plan, err
	}
	for i := range plan.Steps {
		addUses(&plan.Steps[i], uses)
	}
	plan.Warnings = fieldWarnings("would have", c.Next)
	plan.Seal(c.Old, c.Next)
	return c, plan, nil
}

// addUses names the jobs that use the field of a step. A field must not go
// while a job finds rows by it.
func addUses(s *crosswalk.ObjectStep, uses []store.Use) {
	if s.Field == "" || s.Kind == crosswalk.StepAdd {
		return
	}
	var finds []string
	for _, u := range uses {
		use, ok := u.Fields[s.Field]
		if !ok {
			continue
		}
		s.Jobs = append(s.Jobs, use)
		if use.Identifier || use.Match {
			finds = append(finds, use.Name)
		}
	}
	if s.Kind == crosswalk.StepDrop && len(finds) > 0 {
		s.Effect = crosswalk.EffectRefused
		s.Reason = fmt.Sprintf("Rows are found by it: %s. Choose another field there first.", strings.Join(finds, ", "))
	}
}

func (a *api) planObject(ctx context.Context, in *NamedDefinition) (*body[crosswalk.ObjectPlan], error) {
	_, plan, err := a.plan(ctx, a.DB, in.Name, in.Body.Value)
	return one(plan, in.Body.refusalOf(a, "The object cannot be changed like that.", err))
}

func (a *api) changeObject(ctx context.Context, in *struct {
	Name string `path:"name" doc:"API name of the object"`
	Body ObjectChange
},
) (*body[crosswalk.Object], error) {
	object, err := a.Store.FindObject(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	var plan crosswalk.ObjectPlan
	err = a.DB.Alter(ctx, func(ctx context.Context, tx *database.Tx) error {
		tx.Tell(fmt.Sprintf("The object %s is being changed", object.DisplayName))
		// Nobody writes from here on, so what the plan finds stays true.
		if err := table.Lock(ctx, a.DB, tx, object); err != nil {
			return err
		}
		var c table.Change
		var err error
		if c, plan, err = a.plan(ctx, tx, object.Name, in.Body.ObjectDefinition); err != nil {
			return err
		}
		if err := a.mayApply(ctx, tx, plan, in.Body.Plan); err != nil {
			return err
		}
		if err := table.ApplyChange(ctx, a.DB, tx, c); err != nil {
			return err
		}
		var gone []string
		names := map[string]string{} // new by old
		for _, s := range plan.Steps {
			if s.Kind == crosswalk.StepDrop {
				gone = append(gone, s.Field)
			}
		}
		for name, was := range c.Renamed {
			names[was] = name
		}
		if err := a.Store.RemapObject(ctx, tx, object.Name, names, gone); err != nil {
			return err
		}
		object = c.Next
		return a.Store.UpdateObject(ctx, tx, object)
	})
	if err != nil {
		return nil, err
	}
	var done []string
	for _, s := range plan.Steps {
		done = append(done, s.Detail)
	}
	if len(done) > 0 {
		a.note(ctx, "object.changed", object.Name, strings.Join(done, " "))
	}
	object.Rows, err = table.Count(ctx, a.DB, object)
	return one(object, err)
}

// mayApply returns CodeConflict when the plan is not the one that was looked
// at, when a step is refused, or while a run writes into the object.
func (a *api) mayApply(ctx context.Context, tx *database.Tx, plan crosswalk.ObjectPlan, hash string) error {
	if hash != plan.Hash {
		return crosswalk.Errorf(crosswalk.CodeConflict, "The plan is out of date: %s, its rows or its jobs have changed since.", plan.Object).
			WithHint("Plan the change again and look at what it does now.")
	}
	if !plan.Allowed {
		e := crosswalk.Errorf(crosswalk.CodeConflict, "The object %s cannot be changed like that.", plan.Object).
			WithHint("Leave these changes out, or mend first what stands in their way.")
		for _, s := range plan.Steps {
			if s.Effect == crosswalk.EffectRefused {
				e.Fields = append(e.Fields, crosswalk.FieldError{Field: s.Field, Message: s.Detail + " " + s.Reason})
			}
		}
		return e
	}
	return a.Store.RunningInto(ctx, tx, plan.Object)
}

func (a *api) deleteObject(ctx context.Context, in *struct {
	Name string `path:"name" doc:"API name of the object"`
	Rows int64  `query:"rows" doc:"Number of rows that you know will be deleted with it"`
},
) (*struct{}, error) {
	object, err := a.Store.FindObject(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	if object.Standard {
		return nil, crosswalk.Errorf(crosswalk.CodeConflict, "The standard object %s cannot be deleted.", object.Name).
			WithHint("Delete the jobs that write into it to have it filled no more.")
	}
	err = a.DB.Alter(ctx, func(ctx context.Context, tx *database.Tx) error {
		tx.Tell(fmt.Sprintf("The object %s is being deleted", object.DisplayName))
		if err := table.Lock(ctx, a.DB, tx, object); err != nil {
			return err
		}
		if err := a.mayDelete(ctx, tx, object, in.Rows); err != nil {
			return err
		}
		if err := table.Drop(ctx, a.DB, tx, object); err != nil {
			return err
		}
		return a.Store.DeleteObject(ctx, tx, object.Name)
	})
	if err != nil {
		return nil, err
	}
	a.note(ctx, "object.deleted", object.Name, fmt.Sprintf("%d rows", in.Rows))
	return nil, nil
}

// mayDelete returns CodeConflict when something needs the object, or when it
// has other rows than the caller knows.
func (a *api) mayDelete(ctx context.Context, tx *database.Tx, object crosswalk.Object, rows int64) error {
	var needs []string
	uses, err := a.Store.ObjectUses(ctx, tx, object.Name)
	if err != nil {
		return err
	}
	for _, u := range uses {
		needs = append(needs, "the job "+u.Job.Name)
	}
	objects, err := a.Store.ObjectsIn(ctx, tx)
	if err != nil {
		return err
	}
	for _, o := range objects {
		for _, f := range o.Fields {
			if f.Lookup == object.Name && o.Name != object.Name {
				needs = append(needs, "the lookup "+o.Name+"."+f.Name)
			}
		}
	}
	if len(needs) > 0 {
		return crosswalk.Errorf(crosswalk.CodeConflict, "The object %s is in use: %s.", object.Name, strings.Join(needs, ", ")).
			WithHint("Delete these first.")
	}
	n, err := table.CountIn(ctx, tx, object)
	if err == nil && n != rows {
		err = crosswalk.Errorf(crosswalk.CodeConflict, "The object %s has %d rows, which would go with it.", object.Name, n).
			WithHint("Say so with rows=%d if that is what you want.", n)
	}
	return err
}
