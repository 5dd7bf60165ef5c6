package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// decode reads the one JSON document of a file. A member that is not known is
// refused: a mistyped one would be lost silently. The error is the rest of a
// sentence about the file.
func decode(text []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	var t *json.UnmarshalTypeError
	switch {
	case err == nil:
		if _, more := dec.Token(); !errors.Is(more, io.EOF) {
			return errors.New("something follows the end of it")
		}
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("it ends too early")
	case errors.As(err, &t):
		place := t.Field
		if place == "" {
			place = "it"
		}
		return fmt.Errorf("%s is %s instead of %s", place, article(t.Value), jsonType(t.Type))
	}
	return errors.New(strings.TrimPrefix(err.Error(), "json: "))
}

func article(value string) string {
	switch {
	case strings.HasPrefix(value, "number "):
		return value
	case value == "array", value == "object":
		return "an " + value
	}
	return "a " + value
}

// jsonType names what JSON has for a type.
func jsonType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return jsonType(t.Elem())
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	}
	return "a whole number"
}
