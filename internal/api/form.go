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
// handler has found.
func (f *Form[T]) problems(a *api, found crosswalk.Problems) crosswalk.Problems {
	var result huma.ValidateResult
	schemas := a.huma.OpenAPI().Components.Schemas
	at := huma.NewPathBuffer(nil, 0)
	at.Push("body")
	huma.Validate(schemas, f.schema(schemas), at, huma.ModeWriteToServer, f.body, &result)
	refused := fieldErrors(result.Errors)
	if f.err == nil {
		return join(refused, found)
	}
	var mismatch *json.UnmarshalTypeError
	if !errors.As(f.err, &mismatch) { // what comes after it was not read
		found = nil
	}
	if len(refused) == 0 { // the schema knows less than the type, as of how long numbers can be
		var p crosswalk.Problems
		place := ""
		if mismatch != nil {
			place = mismatch.Field
		}
		p.AddHint(place, schemaHint, "The value cannot be read.")
		refused = p
	}
	return join(refused, found)
}

// refusal returns an error with all problems, nil when there are none. Err is
// what the handler has found: nil, an error that lists problems, or another
// one, which is returned as it is.
func (f *Form[T]) refusal(a *api, message string, err error) error {
	var e *crosswalk.Error
	var found crosswalk.Problems
	if errors.As(err, &e) && e.Code == crosswalk.CodeInvalid && len(e.Fields) > 0 {
		found, message = e.Fields, e.Message
	} else if err != nil {
		return err
	}
	return f.problems(a, found).Err(message)
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

// schemaOf returns the schema of the body of I when that is a Form, else nil.
func schemaOf[I any](r huma.Registry) *huma.Schema {
	f, ok := reflect.TypeFor[I]().FieldByName("Body")
	if !ok {
		return nil
	}
	form, ok := reflect.New(f.Type).Interface().(interface {
		schema(huma.Registry) *huma.Schema
	})
	if !ok {
		return nil
	}
	return form.schema(r)
}
