package mirror

import (
	"context"
	"fmt"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// The objects made for the jobs.
const (
	Contact = "Contact__gc"
	Journal = "Account_Journal__gc"
)

// Connect connects a server to the source and makes the jobs, in the order in
// which a first run of each fills most lookups: users; companies by tracked
// changes; contacts, through a filter, by the time of their last change and by
// their keys; and a journal to which each of its runs adds every account, so
// that whatever happens twice leaves two rows.
func (s *Source) Connect(ctx context.Context, c *client.Client) ([]crosswalk.Job, error) {
	conn, err := c.InsertConnection(ctx, client.ConnectionInput{
		Name: "Source", EnvironmentURL: s.URL, SignInMode: crosswalk.SignInSecret, ClientID: sandbox.ClientID, ClientSecret: sandbox.ClientSecret,
	})
	if err != nil {
		return nil, err
	}
	if _, err := c.Authorize(ctx, conn.ID, ""); err != nil {
		return nil, err
	}
	page, err := c.ListJobs(ctx, client.JobFilter{})
	if err != nil {
		return nil, err
	}
	jobs := page.Items // User Sync, made by the first authorization
	if len(jobs) != 1 {
		return nil, fmt.Errorf("mirror: %d jobs after the first authorization", len(jobs))
	}
	for _, o := range objects() {
		if _, err := c.InsertObject(ctx, o); err != nil {
			return nil, err
		}
	}
	inputs, err := s.inputs(ctx, c, conn.ID)
	if err != nil {
		return nil, err
	}
	for _, in := range inputs {
		in.ConnectionID = conn.ID
		job, err := c.InsertJob(ctx, in)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, job)
	}
	return jobs, nil
}

func objects() []crosswalk.ObjectDefinition {
	text := func(name string) crosswalk.FieldDefinition {
		return crosswalk.FieldDefinition{DisplayName: name, Type: crosswalk.FieldString, MaxLength: 500}
	}
	return []crosswalk.ObjectDefinition{
		{DisplayName: "Contact", Fields: []crosswalk.FieldDefinition{
			text("External ID"), text("Name"), text("Title"), text("Phone"),
			{DisplayName: "Company", Type: crosswalk.FieldLookup, Lookup: "Company"},
		}},
		{DisplayName: "Account Journal", Fields: []crosswalk.FieldDefinition{text("External ID"), text("Name")}},
	}
}

func (s *Source) inputs(ctx context.Context, c *client.Client, connectionID string) ([]client.JobInput, error) {
	templates, err := c.Templates(ctx, connectionID)
	if err != nil {
		return nil, err
	}
	deletes := crosswalk.Deletes{Policy: crosswalk.DeleteRow, Guard: 100}
	var inputs []client.JobInput
	for _, t := range templates {
		if t.Name == crosswalk.TemplateCompanySync {
			t.Job.Deletes = deletes
			inputs = append(inputs, t.Job)
		}
	}
	return append(inputs,
		client.JobInput{
			Name: "Contacts", Entity: "contact", Object: Contact, Operation: crosswalk.OperationUpsert, LoadMode: crosswalk.LoadIncremental, Deletes: deletes,
			Mapping: crosswalk.Mapping{
				Fields: []crosswalk.FieldMapping{
					{Source: "contactid", Target: "External_ID__gc", Identifier: true},
					{Source: "fullname", Target: "Name__gc"},
					{Source: "jobtitle", Target: "Title__gc"},
					{Source: "telephone1", Target: "Phone__gc"},
				},
				Derived: []crosswalk.DerivedMapping{
					{Target: "Company__gc", Match: []crosswalk.MatchPair{{Source: "parentcustomerid", Field: "External_ID"}}},
				},
			},
			Filter: crosswalk.Filter{Conditions: []crosswalk.Condition{{Attribute: "jobtitle", Operator: crosswalk.NotEqual, Values: []string{hidden}}}},
		},
		client.JobInput{
			Name: "Journal", Entity: "account", Object: Journal, Operation: crosswalk.OperationInsert, LoadMode: crosswalk.LoadFull,
			Mapping: crosswalk.Mapping{Fields: []crosswalk.FieldMapping{
				{Source: "accountid", Target: "External_ID__gc"},
				{Source: "name", Target: "Name__gc"},
			}},
		}), nil
}
