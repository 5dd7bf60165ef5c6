package api

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/crosswalk-data/crosswalk"
)

// Form is the body of a request that a person filled in. What its schema
// refuses does not keep the handler from looking at the rest: the handler
// passes what it finds to problems, so that all of it is told at once.
type Form[T any] struct {
	// Value is what of the body is of the right type; the rest is zero.
	Value T

	body any
	err  error
}

// UnmarshalJSON reads any JSON value; problems tells what is wrong with it.
func (f *Form[T]) UnmarshalJSON(raw []byte) error {
	if err := json.Unmarshal(raw, &f.body); err != nil {
		return err
	}
	f.err = json.Unmarshal(raw, &f.Value)
	return nil
}

// problems returns what the schema refuses and, at other places, what the
// handler has found; and whether the schema refuses anything.
func (f *Form[T]) problems(a *api, found crosswalk.Problems) (all crosswalk.Problems, refused bool) {
	var result huma.ValidateResult
	schemas := a.huma.OpenAPI().Components.Schemas
	at := huma.NewPathBuffer(nil, 0)
	at.Push("body")
	huma.Validate(schemas, f.schema(schemas), at, huma.ModeWriteToServer, f.body, &result)
	all = fieldErrors(result.Errors)
	var mismatch *json.UnmarshalTypeError
	switch {
	case f.err == nil:
	case !errors.As(f.err, &mismatch): // what comes after it was not read
		found = nil
		if len(all) == 0 {
			all.Add("", "The form cannot be read.")
		}
	case len(all) == 0: // the schema knows less than the type, as of how long numbers can be
		all.Add(mismatch.Field, "The value cannot be read.")
	}
	return join(all, found), len(all) > 0
}

// refusal returns an error with all problems, nil when there are none.
func (f *Form[T]) refusal(a *api, message string, found crosswalk.Problems) error {
	all, refused := f.problems(a, found)
	if !refused {
		return all.Err(message)
	}
	return &crosswalk.Error{Code: crosswalk.CodeInvalid, Message: message, Hint: schemaHint, Fields: all}
}

// refusalOf is refusal of what the handler has found as an error. One that
// lists no problems is returned as it is.
func (f *Form[T]) refusalOf(a *api, message string, err error) error {
	var e *crosswalk.Error
	switch {
	case err == nil:
		return f.refusal(a, message, nil)
	case errors.As(err, &e) && e.Code == crosswalk.CodeInvalid && len(e.Fields) > 0:
		return f.refusal(a, e.Message, e.Fields)
	}
	return err
}

func (*Form[T]) schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[T](), true, "")
}

// join adds to what the schema refuses what a handler has found at places
// that the schema does not refuse: there it did not see what was sent.
func join(refused, found crosswalk.Problems) crosswalk.Problems {
	return append(refused, slices.DeleteFunc(slices.Clone(found), func(p crosswalk.FieldError) bool {
		return slices.ContainsFunc(refused, func(r crosswalk.FieldError) bool {
			rest, within := strings.CutPrefix(p.Field, r.Field)
			return within && (rest == "" || r.Field == "" || rest[0] == '.' || rest[0] == '[')
		})
	})...)
}

// within returns what err says of a part of a form as of the form, where the
// part has that name.
func within(name string, err error) error {
	var e *crosswalk.Error
	if !errors.As(err, &e) || len(e.Fields) == 0 {
		return err
	}
	whole := *e
	whole.Fields = slices.Clone(e.Fields)
	for i := range whole.Fields {
		whole.Fields[i].Field = name + "." + whole.Fields[i].Field
	}
	return &whole
}

// schemaOf returns the schema of the body of I when that is a Form or may be
// one, else nil.
func schemaOf[I any](r huma.Registry) *huma.Schema {
	f, ok := reflect.TypeFor[I]().FieldByName("Body")
	if !ok {
		return nil
	}
	body := f.Type
	if body.Kind() != reflect.Pointer {
		body = reflect.PointerTo(body)
	}
	form, ok := reflect.New(body.Elem()).Interface().(interface {
		schema(huma.Registry) *huma.Schema
	})
	if !ok {
		return nil
	}
	return form.schema(r)
}
