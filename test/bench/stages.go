package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
	"github.com/crosswalk-data/crosswalk/internal/oauth"
	"github.com/crosswalk-data/crosswalk/internal/odata"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/sandbox/visitor"
	"github.com/crosswalk-data/crosswalk/internal/store"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

// measureStages measures, each alone: reading and decoding all pages,
// mapping them, and writing them into a new SQLite file. The sandbox works on
// the same machine while pages are read, as it does during a sync.
func measureStages(ctx context.Context, dir, environment string, progress io.Writer) ([]Measure, error) {
	token, err := signInToken(ctx, environment)
	if err != nil {
		return nil, err
	}
	rec := &recorder{next: &http.Transport{DisableCompression: true}}
	api := clientOf(environment, token, rec)
	plan, object, entity, err := companySync(ctx, api)
	if err != nil {
		return nil, err
	}
	query := dataverse.Query{EntitySet: entity.EntitySetName, Select: plan.Select, Filter: plan.Filter, Annotations: plan.Annotations}

	fmt.Fprintln(progress, "  read and decode")
	scratch := plan.NewSourceBatch()
	began := time.Now()
	rows, err := readAll(ctx, api, query, plan, func() *column.Batch { scratch.Reset(); return scratch })
	if err != nil {
		return nil, err
	}
	measures := []Measure{measure("read and decode", rows, time.Since(began))}

	rec.left = recordedPages
	var pages []*column.Batch
	if _, err = readAll(ctx, api, query, plan, func() *column.Batch {
		pages = append(pages, plan.NewSourceBatch())
		return pages[len(pages)-1]
	}); err != nil {
		return nil, err
	}

	fmt.Fprintln(progress, "  decode alone")
	decoder, err := decodeAll(rec.pages, plan.Source, int(rows))
	if err != nil {
		return nil, err
	}
	measures = append(measures, decoder)

	fmt.Fprintln(progress, "  map")
	mapped, m, err := mapAll(plan, pages)
	if err != nil {
		return nil, err
	}
	measures = append(measures, m)

	fmt.Fprintln(progress, "  write")
	m, err = writeAll(ctx, filepath.Join(dir, "stage.db"), object, plan, mapped)
	return append(measures, m), err
}

// readAll reads all pages, each into the batch that next returns.
func readAll(ctx context.Context, api *dataverse.Client, query dataverse.Query, plan *mapping.Plan, next func() *column.Batch) (int64, error) {
	columns := odata.NewColumns(plan.Source)
	var rows int64
	for link := ""; ; {
		page, err := api.Page(ctx, query, link, columns, next())
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
func mapAll(plan *mapping.Plan, pages []*column.Batch) ([]*column.Batch, Measure, error) {
	scratch := plan.NewBatch()
	var rejects []crosswalk.Reject
	var rows int64
	began := time.Now()
	for _, page := range pages {
		scratch.Reset()
		rejects, _ = plan.Apply(page, scratch, rejects[:0])
		rows += int64(page.Rows())
	}
	m := measure("map", rows, time.Since(began))
	mapped := make([]*column.Batch, len(pages))
	for i, page := range pages {
		mapped[i] = plan.NewBatch()
		if rejects, _ = plan.Apply(page, mapped[i], nil); len(rejects) > 0 {
			return nil, m, fmt.Errorf("%d records of a page cannot be mapped: %s", len(rejects), rejects[0].Message)
		}
	}
	return mapped, m, nil
}

// writeAll writes the batches into the object's table in a new file. The
// objects that its lookups lead to are empty there, but for what is written.
func writeAll(ctx context.Context, path string, object crosswalk.Object, plan *mapping.Plan, batches []*column.Batch) (Measure, error) {
	db, err := database.Open(ctx, "sqlite:"+path, nil)
	if err != nil {
		return Measure{}, err
	}
	defer db.Close()
	if err := store.New(db).Migrate(ctx); err != nil {
		return Measure{}, err
	}
	for _, o := range crosswalk.StandardObjects() {
		if err := table.Ensure(ctx, db, o); err != nil {
			return Measure{}, err
		}
	}
	cfg := table.Config{
		Object: object, Columns: tableColumns(plan.Target), Modified: plan.Modified >= 0,
		ConnectionID: crosswalk.NewID(), Entity: "account", JobID: crosswalk.NewID(), Run: 1,
	}
	for _, d := range plan.Derived {
		cfg.Lookups = append(cfg.Lookups, table.Lookup{
			Field: d.Field, Object: *standardObject(d.Object), Match: tableColumns(d.Match), OnSeveral: d.OnSeveral, OnNone: d.OnNone,
		})
	}
	w, err := table.NewWriter(ctx, db, cfg)
	if err != nil {
		return Measure{}, err
	}
	defer w.Close()
	var rows int64
	began := time.Now()
	for _, b := range batches {
		r, err := w.Write(ctx, b, nil)
		if err != nil {
			return Measure{}, err
		}
		rows += r.Inserted
	}
	return measure("write", rows, time.Since(began)), nil
}

func tableColumns(targets []mapping.TargetColumn) []table.Column {
	var list []table.Column
	for _, t := range targets {
		list = append(list, table.Column{Field: t.Field, Kind: t.Kind, Identifier: t.Identifier, KeepOnNull: t.KeepOnNull})
	}
	return list
}

// standardObject returns the object of that API name, nil when there is none.
func standardObject(name string) *crosswalk.Object {
	for _, o := range crosswalk.StandardObjects() {
		if o.Name == name {
			return &o
		}
	}
	return nil
}

// companySync compiles the job that is measured.
func companySync(ctx context.Context, api *dataverse.Client) (*mapping.Plan, crosswalk.Object, *crosswalk.Entity, error) {
	job := crosswalk.Templates("bench", "bench")[0].Job
	object := standardObject(job.Object)
	if object == nil {
		return nil, crosswalk.Object{}, nil, fmt.Errorf("there is no object %s", job.Object)
	}
	entity, err := api.Entity(ctx, job.Entity)
	if err != nil {
		return nil, *object, nil, err
	}
	plan, err := mapping.Compile(mapping.Input{
		Entity: entity, Object: object, Objects: standardObject, Mapping: job.Mapping, Filter: job.Filter,
		Catalog: func(name string) (*crosswalk.Entity, error) { return api.Entity(ctx, name) },
	})
	return plan, *object, entity, err
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
