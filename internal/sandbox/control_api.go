package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk"
)

// controlPath is where the API is that controls the sandbox. It is for this
// machine only, and takes and gives JSON.
const controlPath = "/sandbox/"

// control returns the handler of the API that controls the sandbox.
func (s *Sandbox) control() http.Handler {
	mux := http.NewServeMux()
	get := func(path string, answer func(*http.Request) (any, error)) {
		mux.HandleFunc("GET "+controlPath+path, func(w http.ResponseWriter, r *http.Request) {
			v, err := answer(r)
			reply(w, v, err)
		})
	}
	get("state", func(*http.Request) (any, error) { return s.State(), nil })
	get("faults", func(*http.Request) (any, error) { return s.Faults(), nil })
	get("requests", func(r *http.Request) (any, error) {
		after, _ := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64) // none means 0
		return s.Requests(after, r.URL.Query().Get("path")), nil
	})
	handle(mux, "POST faults", func(f Fault) (any, error) {
		id, err := s.Fault(f)
		return map[string]int{"id": id}, err
	})
	handle(mux, "POST rows", func(c RowChange) (any, error) { return c.apply(s.active()) })
	handle(mux, "POST users", func(c UserChange) (any, error) {
		if err := c.apply(s); err != nil {
			return nil, err
		}
		return s.Accounts(), nil
	})
	handle(mux, "POST tokens", func(c TokenChange) (any, error) { return nil, c.apply(s) })
	handle(mux, "POST clock", func(c ClockChange) (any, error) {
		if !c.Set.IsZero() {
			s.SetClock(c.Set)
		}
		s.Advance(time.Duration(c.Advance))
		return map[string]time.Time{"clock": s.Clock()}, nil
	})
	handle(mux, "PUT limits", func(l Limits) (any, error) {
		s.SetLimits(l)
		return s.Limits(), nil
	})
	handle(mux, "PUT unverified", func(u Unverified) (any, error) {
		if err := u.check(); err != nil {
			return nil, err
		}
		s.SetUnverified(u)
		return u, nil
	})
	handle(mux, "PUT roles", func(c RoleChange) (any, error) { return c, s.SetRole(c.User, c.Role) })
	handle(mux, "PUT admin-mode", func(c struct {
		On bool `json:"on"`
	},
	) (any, error) {
		s.SetAdminMode(c.On)
		return nil, nil
	})
	handle(mux, "PUT app-access", func(c struct {
		App     string `json:"app"` // client id
		Blocked bool   `json:"blocked"`
	},
	) (any, error) {
		if _, ok := parseGUID(c.App); !ok {
			return nil, errors.New("sandbox: app is the client id of an app, a GUID")
		}
		s.BlockApp(c.App, c.Blocked)
		return nil, nil
	})
	handle(mux, "PUT continuous-access", func(c struct {
		On bool `json:"on"`
	},
	) (any, error) {
		s.SetContinuousAccess(c.On)
		return nil, nil
	})
	handle(mux, "PUT tracking", func(c struct {
		Days int `json:"days"`
	},
	) (any, error) {
		return nil, s.SetTrackingDays(c.Days)
	})
	handle(mux, "PUT organization", func(c struct {
		Swapped bool `json:"swapped"`
	},
	) (any, error) {
		return nil, s.SwapOrganization(c.Swapped)
	})
	handle(mux, "POST metadata", func(c MetadataChange) (any, error) { return nil, c.apply(s.active()) })
	handle(mux, "POST reset", func(struct{}) (any, error) {
		s.Reset()
		return nil, nil
	})
	mux.HandleFunc("DELETE "+controlPath+"faults", func(w http.ResponseWriter, _ *http.Request) {
		s.RemoveFault(0)
		reply(w, nil, nil)
	})
	mux.HandleFunc("DELETE "+controlPath+"faults/{id}", func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.Atoi(r.PathValue("id"))
		if err == nil && id > 0 {
			s.RemoveFault(id)
		}
		reply(w, nil, err)
	})
	mux.HandleFunc("DELETE "+controlPath+"requests", func(w http.ResponseWriter, _ *http.Request) {
		s.ForgetRequests()
		reply(w, nil, nil)
	})
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

// handle answers requests with a JSON body. Members that are not known are
// refused, so that a mistyped one does not go unseen.
func handle[T any](mux *http.ServeMux, pattern string, fn func(T) (any, error)) {
	method, path, _ := strings.Cut(pattern, " ")
	mux.HandleFunc(method+" "+controlPath+path, func(w http.ResponseWriter, r *http.Request) {
		var in T
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
		d.DisallowUnknownFields()
		if err := d.Decode(&in); err != nil && !errors.Is(err, io.EOF) {
			var wrong *json.UnmarshalTypeError
			if errors.As(err, &wrong) && wrong.Field != "" {
				err = fmt.Errorf("sandbox: %s cannot be a %s", wrong.Field, wrong.Value)
			}
			reply(w, nil, err)
			return
		}
		v, err := fn(in)
		reply(w, v, err)
	})
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
