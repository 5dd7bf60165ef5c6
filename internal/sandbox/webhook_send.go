package sandbox

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// maxContext is the largest body that a webhook is sent whole.
const maxContext = 256 << 10

// webhookTimeout is how long a webhook may take to answer.
const webhookTimeout = 60 * time.Second

// Webhooks are the conditions under which webhooks are delivered. The zero
// value delivers all at once.
type Webhooks struct {
	Delay Span    `json:"delay"` // how long each call is held back
	Drop  float64 `json:"drop"`  // how many of 1 are never made
	Seed  uint64  `json:"seed"`  // decides which, with Drop
}

// SetWebhooks changes the conditions of delivery from now on. It fails for a
// negative delay and for a share that is not between 0 and 1.
func (s *Sandbox) SetWebhooks(w Webhooks) error {
	if w.Delay < 0 || w.Drop < 0 || w.Drop > 1 {
		return errors.New("sandbox: webhooks are delayed for 0s or more, and a part of them from 0 to 1 is dropped")
	}
	s.webhooks.Store(&w)
	return nil
}

// Webhooks returns the conditions of delivery.
func (s *Sandbox) Webhooks() Webhooks { return *s.webhooks.Load() }

// webhookClient calls webhooks: this machine alone, and no further than the
// address says.
var webhookClient = &http.Client{
	Transport:     &http.Transport{},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// tell calls the webhooks that are registered for what happened, each beside
// the others.
func (s *Sandbox) tell(d *dataset, events []event) {
	conditions := s.Webhooks()
	for i := range events {
		e := &events[i]
		for _, h := range d.hooks(e) {
			n := s.called.Add(1)
			if float64(mix(conditions.Seed+uint64(n))>>11)/(1<<53) < conditions.Drop {
				continue
			}
			go s.deliver(e, &h, time.Duration(conditions.Delay))
		}
	}
}

// deliver calls a webhook, once more where the way to it failed, and keeps a
// system job of what came of it.
func (s *Sandbox) deliver(e *event, h *hook, delay time.Duration) {
	operation, began := freshGUID(), s.now()
	if delay > 0 {
		sleep(context.Background(), delay)
	}
	retries := 0
	status, err := s.call(e, h, operation, began)
	if status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout {
		retries++
		status, err = s.call(e, h, operation, began)
	}
	reason := ""
	switch {
	case err != nil:
		reason = "The webhook call failed because the http request timed out or could not be sent: " + err.Error()
	case status < 200 || status > 299:
		reason = "The webhook call failed because the endpoint answered " + strconv.Itoa(status) + " " + http.StatusText(status)
	case !h.keepsJob:
		return
	}
	if err := s.keepJob(e, h, operation, began, retries, reason); err != nil {
		s.log.Error("the sandbox could not keep a system job", "error", err)
	}
}

// call makes one call of a webhook and returns the status of the answer.
func (s *Sandbox) call(e *event, h *hook, operation guid, at time.Time) (int, error) {
	message := e.context(s, h, operation, at)
	body := appendJSON(nil, message)
	cut := len(body) > maxContext
	if cut {
		message = slices.DeleteFunc(message, func(m member) bool { return slices.Contains(removedWhenLarge, m.name) })
		body = appendJSON(nil, message)
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.hookTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	h.authorize(r)
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("x-ms-dynamics-organization", s.baseHost())
	r.Header.Set("x-ms-dynamics-entity-name", e.table)
	r.Header.Set("x-ms-dynamics-request-name", e.message)
	r.Header.Set("x-ms-correlation-request-id", e.request)
	if cut {
		r.Header.Set("x-ms-dynamics-msg-size-exceeded", "true")
	}
	a, err := webhookClient.Do(r)
	if err != nil {
		return 0, err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(a.Body, 1<<20))
	return a.StatusCode, a.Body.Close()
}

// baseHost returns the name under which the environment is known.
func (s *Sandbox) baseHost() string {
	if u, err := url.Parse(s.cfg.BaseURL); err == nil && u.Host != "" {
		return u.Host
	}
	return uniqueName
}

// authorize adds what the receiver knows the sender by: a key, or names with
// values as headers or in the query.
func (h *hook) authorize(r *http.Request) {
	var settings struct {
		Settings []struct {
			Name  string `xml:"name,attr"`
			Value string `xml:"value,attr"`
		} `xml:"setting"`
	}
	query := r.URL.Query()
	if h.authType == authKey {
		query.Set("code", h.authValue)
	} else if xml.Unmarshal([]byte(h.authValue), &settings) == nil {
		for _, one := range settings.Settings {
			if h.authType == authHeader {
				r.Header.Set(one.Name, one.Value)
			} else {
				query.Set(one.Name, one.Value)
			}
		}
	}
	r.URL.RawQuery = query.Encode()
}

// The status of a system job.
const (
	jobCompleted = 3
	jobSucceeded = 30
	jobFailed    = 31
)

// keepJob adds a row of asyncoperation.
func (s *Sandbox) keepJob(e *event, h *hook, operation guid, began time.Time, retries int, reason string) error {
	return s.update(func(tx *transaction) error {
		t := tx.data.table("asyncoperation")
		if t == nil {
			return nil
		}
		status := int64(jobSucceeded)
		if reason != "" {
			status = jobFailed
		}
		var cells []cell
		set := func(name string, fill func(v *value)) {
			var v value
			fill(&v)
			cells = append(cells, v.keep(t.byName[name]))
		}
		text := func(name, s string) {
			if s != "" {
				set(name, func(v *value) { v.setText(s) })
			}
		}
		number := func(name string, n int64) { set(name, func(v *value) { v.setInt(n) }) }
		moment := func(name string, at time.Time) { set(name, func(v *value) { v.setTime(at.Unix()) }) }
		text("name", h.stepName)
		text("messagename", e.message)
		text("primaryentitytype", e.table)
		text("message", reason)
		text("friendlymessage", reason)
		number("operationtype", 1)
		number("statecode", jobCompleted)
		number("statuscode", status)
		number("retrycount", int64(retries))
		moment("createdon", began)
		moment("startedon", began)
		moment("completedon", s.now())
		tx.insert(t, &rowState{id: operation, fresh: true, modified: s.now().Unix(), cells: (&rowState{}).with(cells)})
		return nil
	})
}
