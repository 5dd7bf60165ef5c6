package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/crosswalk-data/crosswalk"
)

// controlPath is where the API is that controls the sandbox. It is for this
// machine only, and takes and gives JSON.
const controlPath = "/sandbox/"

// control returns the handler of the API that controls the sandbox.
func (s *Sandbox) control() http.Handler {
	mux := http.NewServeMux()
	for _, e := range endpoints() {
		mux.HandleFunc(e.method+" "+controlPath+e.path, func(w http.ResponseWriter, r *http.Request) {
			v, err := e.serve(s, w, r)
			reply(w, v, err)
		})
	}
	sameOrigin := http.NewCrossOriginProtection().Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.local(r) {
			reply(w, nil, errNotLocal)
			return
		}
		sameOrigin.ServeHTTP(w, r)
	})
}

var errNotLocal = errors.New("sandbox: only this machine controls the sandbox")

// local tells whether a request comes from this machine, and not from a web
// page that was led here by a name of its own.
func (s *Sandbox) local(r *http.Request) bool {
	from, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil || !crosswalk.IsLoopback(from) {
		return false
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return crosswalk.IsLoopback(strings.Trim(host, "[]"))
}

// ask serves requests that have no body.
func ask(fn func(*Sandbox, *http.Request) (any, error)) func(*Sandbox, http.ResponseWriter, *http.Request) (any, error) {
	return func(s *Sandbox, _ http.ResponseWriter, r *http.Request) (any, error) { return fn(s, r) }
}

// take serves requests with a JSON body. Members that are not known are
// refused, so that a mistyped one does not go unseen.
func take[T any](fn func(*Sandbox, T) (any, error)) func(*Sandbox, http.ResponseWriter, *http.Request) (any, error) {
	return func(s *Sandbox, w http.ResponseWriter, r *http.Request) (any, error) {
		var in T
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
		d.DisallowUnknownFields()
		if err := d.Decode(&in); err != nil && !errors.Is(err, io.EOF) {
			var wrong *json.UnmarshalTypeError
			if errors.As(err, &wrong) && wrong.Field != "" {
				err = fmt.Errorf("sandbox: %s cannot be a %s", wrong.Field, wrong.Value)
			}
			return nil, err
		}
		return fn(s, in)
	}
}

// reply answers with JSON, or with {"error": "…"}.
func reply(w http.ResponseWriter, v any, err error) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	status := http.StatusOK
	if err != nil {
		v, status = map[string]string{"error": strings.TrimPrefix(err.Error(), "sandbox: ")}, http.StatusBadRequest
		if errors.Is(err, errNotLocal) {
			status = http.StatusForbidden
		}
	} else if v == nil {
		v = struct{}{}
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // only a gone client can make it fail
}
