package kill

import (
	"context"
	"fmt"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
)

// copyEvery is after how many cycles a loop begins to fill another empty
// object.
const copyEvery = 12

// copyOf makes an empty object and a job that fills it with all accounts, which
// its first run does without an index. The loop runs the job from then on,
// instead of the one before.
func (l *loop) copyOf(c *client.Client) {
	l.Helper()
	name := fmt.Sprintf("Copy %d", len(l.copies)+1)
	field := func(name string) crosswalk.FieldDefinition {
		return crosswalk.FieldDefinition{DisplayName: name, Type: crosswalk.FieldString, MaxLength: 500}
	}
	object, err := c.InsertObject(l.ctx, crosswalk.ObjectDefinition{DisplayName: name, Fields: []crosswalk.FieldDefinition{field("External ID"), field("Name")}})
	if err != nil {
		l.Fatal(err)
	}
	job, err := c.InsertJob(l.ctx, client.JobInput{
		Name: name, ConnectionID: l.jobs[0].ConnectionID, Entity: "account", Object: object.Name, Operation: crosswalk.OperationUpsert, LoadMode: crosswalk.LoadFull,
		Deletes: crosswalk.Deletes{Policy: crosswalk.DeleteRow, Guard: 100},
		Mapping: crosswalk.Mapping{Fields: []crosswalk.FieldMapping{
			{Source: "accountid", Target: "External_ID__gc", Identifier: true},
			{Source: "name", Target: "Name__gc"},
		}},
	})
	if err != nil {
		l.Fatal(err)
	}
	l.copies = append(l.copies, job)
}

// compareCopies compares every copy with the accounts of the source.
func (l *loop) compareCopies(ctx context.Context, c *client.Client) {
	l.Helper()
	accounts, err := l.source.Rows(ctx, "accounts?$select=accountid,name")
	if err != nil {
		l.Fatal(err)
	}
	want := map[string][]string{} // a record that is there twice shows
	for _, a := range accounts {
		id := fmt.Sprint(a["accountid"])
		want[id] = append(want[id], fmt.Sprint(a["name"]))
	}
	for _, job := range l.copies {
		got := map[string][]string{}
		for row, err := range c.Rows(ctx, job.Object, client.RowFilter{Paging: client.Paging{Limit: 200}}) {
			if err != nil {
				l.Fatal(err)
			}
			id := fmt.Sprint(row["External_ID__gc"])
			got[id] = append(got[id], fmt.Sprint(row["Name__gc"]))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			l.Errorf("%s (-source +target):\n%s", job.Object, diff)
		}
	}
}
