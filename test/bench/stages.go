package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/extract"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
	"github.com/crosswalk-data/crosswalk/internal/oauth"
	"github.com/crosswalk-data/crosswalk/internal/pipeline"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/sandbox/visitor"
	"github.com/crosswalk-data/crosswalk/internal/store"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

// stages are measured in this process, each alone. The sandbox works on the
// same machine while pages are read, as it does during a sync.
type stages struct {
	object crosswalk.Object
	plan   *mapping.Plan
	cfg    extract.Config
	mapped []*column.Batch // all records, ready to be written

	decoder, read, mapping, null Measure
}

func (s *stages) list() []Measure { return []Measure{s.decoder, s.read, s.mapping, s.null} }

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
// of that together with a target that stores nothing.
func measureStages(ctx context.Context, environment string, progress io.Writer) (*stages, error) {
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

	fmt.Fprintln(progress, "measuring the stages alone")
	scratch := s.plan.NewSourceBatch()
	s.read, err = alone("read and decode", func() (int64, error) {
		return s.readAll(ctx, func() *column.Batch { scratch.Reset(); return scratch })
	})
	if err != nil {
		return nil, err
	}
	rec.left = recordedPages
	var pages []*column.Batch
	if _, err = s.readAll(ctx, func() *column.Batch {
		pages = append(pages, s.plan.NewSourceBatch())
		return pages[len(pages)-1]
	}); err != nil {
		return nil, err
	}
	if s.decoder, err = decodeAll(rec.pages, s.plan.Source, int(s.read.Rows)); err != nil {
		return nil, err
	}
	if err := s.mapAll(pages); err != nil {
		return nil, err
	}
	s.null, err = alone("all but writing", func() (int64, error) {
		slice := pipeline.Slice{Plan: s.plan, Source: extract.NewChanges(s.cfg, "", false), Target: nowhere{}, Budget: time.Hour}
		_, err := slice.Run(ctx)
		return slice.Counts.Read, err
	})
	return s, err
}

// nowhere is a target that stores nothing.
type nowhere struct{}

func (nowhere) Write(context.Context, *column.Batch, pipeline.Progress) (pipeline.Written, error) {
	return pipeline.Written{}, nil
}

func (nowhere) Commit(context.Context) error { return nil }

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

// writes are the measures of writing alone into one database: into an empty
// table, over rows that are all other ones, and over the same.
type writes struct{ fresh, changed, unchanged Measure }

func (w *writes) list() []Measure { return []Measure{w.fresh, w.changed, w.unchanged} }

// write measures writing alone into an empty database.
func (s *stages) write(ctx context.Context, dsn string) (w writes, err error) {
	db, err := database.Open(ctx, dsn, nil)
	if err != nil {
		return w, err
	}
	defer db.Close()
	if err := store.New(db).Migrate(ctx); err != nil {
		return w, err
	}
	writer, err := table.NewWriter(ctx, db, table.Config{
		Object: s.object, Columns: tableColumns(s.plan.Target), Modified: s.plan.Modified >= 0,
		ConnectionID: crosswalk.NewID(), Entity: "account", JobID: crosswalk.NewID(), Run: 1,
	})
	if err != nil {
		return w, err
	}
	defer writer.Close()
	all := func(name string) (Measure, error) {
		return alone(name, func() (rows int64, err error) {
			for _, b := range s.mapped {
				if _, err := writer.Write(ctx, b, nil); err != nil {
					return rows, err
				}
				rows += int64(b.Rows())
			}
			return rows, nil
		})
	}
	if w.fresh, err = all("write new rows"); err != nil {
		return w, err
	}
	invert(s.mapped)
	w.changed, err = all("write changed rows")
	if err == nil {
		w.unchanged, err = all("write unchanged rows")
	}
	invert(s.mapped)
	return w, err
}

// invert makes every truth its opposite, which changes every row.
func invert(batches []*column.Batch) {
	for _, b := range batches {
		for i := range b.Columns {
			if c := &b.Columns[i]; c.Kind == column.Bool {
				for row := range c.Ints {
					c.Ints[row] ^= 1
				}
			}
		}
	}
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
