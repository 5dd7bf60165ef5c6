package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"syscall"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/extract"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
	"github.com/crosswalk-data/crosswalk/internal/oauth"
	"github.com/crosswalk-data/crosswalk/internal/pipeline"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/sandbox/visitor"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

// stages are measured in this process, each alone. The sandbox works on the
// same machine while pages are read, as it does during a sync.
type stages struct {
	object crosswalk.Object
	plan   *mapping.Plan
	cfg    extract.Config
	mapped []*column.Batch // all records, ready to be written

	read, mapping Measure
}

// alone measures what work does, which returns the number of rows.
func alone(name string, work func() (int64, error)) (Measure, error) {
	began, before := time.Now(), ownCPU()
	rows, err := work()
	m := measure(name, rows, time.Since(began))
	m.CPU = perRow(ownCPU()-before, rows)
	return m, err
}

// ownCPU is the processor time of this process so far.
func ownCPU() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // fails for wrong arguments only
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measureStages measures reading and decoding all pages, mapping them, and all
// of that together as a run does it, compared with what was there and not
// stored.
func measureStages(ctx context.Context, environment string, r *results) (*stages, error) {
	token, err := signInToken(ctx, environment)
	if err != nil {
		return nil, err
	}
	rec := &recorder{next: &http.Transport{DisableCompression: true}}
	api := clientOf(environment, token, rec)
	s := &stages{}
	if s.object, err = crosswalk.NewObject(definition("Bench Account", accountFields, ""), nil); err != nil {
		return nil, err
	}
	entity, err := api.Entity(ctx, "account")
	if err != nil {
		return nil, err
	}
	s.plan, err = mapping.Compile(mapping.Input{Entity: entity, Object: &s.object, Mapping: mappingOf(accountFields, false), Tracked: true})
	if err != nil {
		return nil, err
	}
	s.cfg = extract.Config{Client: api, Entity: entity, Plan: s.plan}

	return s, s.measure(ctx, rec, r)
}

func (s *stages) measure(ctx context.Context, rec *recorder, r *results) error {
	rec.left = recordedPages
	var pages []*column.Batch
	if _, err := s.readAll(ctx, func() *column.Batch {
		pages = append(pages, s.plan.NewSourceBatch())
		return pages[len(pages)-1]
	}); err != nil {
		return err
	}
	scratch := s.plan.NewSourceBatch()
	err := twice(func(m Measure) error { s.read = m; return r.add(m) }, thing{"read and decode", func(name string) (Measure, error) {
		return alone(name, func() (int64, error) {
			return s.readAll(ctx, func() *column.Batch { scratch.Reset(); return scratch })
		})
	}})
	if err != nil {
		return err
	}
	decoder, err := decodeAll(rec.pages, s.plan.Source, int(s.read.Rows))
	if err == nil {
		err = r.add(decoder)
	}
	if err == nil {
		err = s.mapAll(pages)
	}
	if err == nil {
		err = r.add(s.mapping)
	}
	if err != nil {
		return err
	}
	return twice(r.add, thing{"null sink", func(name string) (Measure, error) {
		return alone(name, func() (int64, error) { return s.compareAll(ctx) })
	}})
}

// compareAll reads, decodes and maps everything as a run does and compares it
// with what was there before, of which it must be no other.
func (s *stages) compareAll(ctx context.Context) (int64, error) {
	slice := pipeline.Slice{
		Plan: s.plan, Source: extract.NewChanges(s.cfg, "", false), Target: &compared{with: s.mapped}, Budget: time.Hour,
	}
	_, err := slice.Run(ctx)
	if c := slice.Counts; err == nil && c.Unchanged != c.Read {
		err = fmt.Errorf("%d of %d records are other ones than before", c.Read-c.Unchanged, c.Read)
	}
	return slice.Counts.Read, err
}

// compared is a target that stores nothing and compares batches with others.
type compared struct {
	with []*column.Batch // those that are still to come
}

func (c *compared) Write(_ context.Context, b *column.Batch, _ pipeline.Progress) (w pipeline.Written, err error) {
	if len(c.with) == 0 || c.with[0].Rows() != b.Rows() {
		return w, fmt.Errorf("a page of %d records was not there before", b.Rows())
	}
	rows := slices.Repeat([]bool{true}, b.Rows())
	for i := range b.Columns {
		compareColumn(rows, &b.Columns[i], &c.with[0].Columns[i])
	}
	c.with = c.with[1:]
	for _, same := range rows {
		if same {
			w.Unchanged++
		} else {
			w.Updated++
		}
	}
	return w, nil
}

func (*compared) Commit(context.Context) error { return nil }

// compareColumn notes the rows in which two columns differ.
func compareColumn(same []bool, a, b *column.Column) {
	for row := range same {
		equal := a.Valid[row] == b.Valid[row]
		switch {
		case !equal || !a.Valid[row]:
		case a.Kind == column.Text || a.Kind == column.Decimal:
			equal = bytes.Equal(a.Bytes(row), b.Bytes(row))
		case a.Kind == column.GUID:
			equal = a.GUIDs[row] == b.GUIDs[row]
		default:
			equal = a.Ints[row] == b.Ints[row]
		}
		same[row] = same[row] && equal
	}
}

// readAll reads all pages the way the first run of a job does, each into the
// batch that next returns.
func (s *stages) readAll(ctx context.Context, next func() *column.Batch) (int64, error) {
	source := extract.NewChanges(s.cfg, "", false)
	var rows int64
	for link := ""; ; {
		page, err := source.Page(ctx, link, next())
		if err != nil {
			return rows, err
		}
		rows += int64(page.Records)
		if link = page.Next; link == "" {
			return rows, nil
		}
	}
}

// mapAll maps pages into one reused batch, which is measured, and then again
// into batches to keep.
func (s *stages) mapAll(pages []*column.Batch) (err error) {
	scratch := s.plan.NewBatch()
	var rejects []crosswalk.Reject
	s.mapping, err = alone("map", func() (rows int64, err error) {
		for _, page := range pages {
			scratch.Reset()
			rejects, _ = s.plan.Apply(page, scratch, rejects[:0])
			rows += int64(page.Rows())
		}
		return rows, nil
	})
	for _, page := range pages {
		batch := s.plan.NewBatch()
		if rejects, _ = s.plan.Apply(page, batch, nil); len(rejects) > 0 {
			return fmt.Errorf("%d records of a page cannot be mapped: %s: %s", len(rejects), rejects[0].Field, rejects[0].Message)
		}
		s.mapped = append(s.mapped, batch)
	}
	return err
}

func tableColumns(targets []mapping.TargetColumn) []table.Column {
	var list []table.Column
	for _, t := range targets {
		list = append(list, table.Column{Field: t.Field, Kind: t.Kind, Identifier: t.Identifier, KeepOnNull: t.KeepOnNull})
	}
	return list
}

// clientOf returns a client with that access token. A nil transport means the
// client's own.
func clientOf(environment, token string, transport http.RoundTripper) *dataverse.Client {
	return dataverse.New(dataverse.Config{
		BaseURL:   environment,
		Transport: transport,
		Token:     func(context.Context, bool) (string, error) { return token, nil },
	})
}

// signInToken returns an access token of the sandbox's first person.
func signInToken(ctx context.Context, environment string) (string, error) {
	challenge, err := dataverse.Probe(ctx, nil, environment)
	if err != nil {
		return "", err
	}
	cfg := oauth.Config{
		Authority: challenge.Authority, Tenant: challenge.TenantID, Resource: environment,
		ClientID: sandbox.ClientID, ClientSecret: sandbox.ClientSecret,
		RedirectURL: "http://127.0.0.1:1/oauth/callback", // the visitor stops before it
	}
	state, nonce, verifier := oauth.NewVerifier(), oauth.NewVerifier(), oauth.NewVerifier()
	back, err := visitor.Visit(ctx, cfg.AuthCodeURL(state, nonce, verifier, ""), visitor.Accept, func(u *url.URL) (bool, error) {
		return u.Path == "/oauth/callback", nil
	})
	if err != nil {
		return "", err
	}
	code := back.Query().Get("code")
	if code == "" || back.Query().Get("state") != state {
		return "", errors.New("the sign-in brought no code back")
	}
	grant, err := cfg.Exchange(ctx, code, verifier, nonce)
	if err != nil {
		return "", err
	}
	return grant.AccessToken, nil
}
