package mirror

import (
	"context"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

const formatted = "@OData.Community.Display.V1.FormattedValue"

// table says which column of the source, or annotation of one, fills which
// field of the target.
type table struct {
	query, object string
	key           string            // field of the target
	fields        map[string]string // by field of the target
	lookups       map[string]string // field of the target to the object that it points to; fields holds the column too
}

var tables = []table{
	{
		query:  "systemusers?$filter=applicationid eq null and accessmode ne 3",
		object: "User", key: "External_ID",
		fields: map[string]string{
			"External_ID": "systemuserid", "First_Name": "firstname", "Last_Name": "lastname", "Name": "fullname",
			"Email": "internalemailaddress", "Username": "domainname", "Title": "title",
		},
	},
	{
		query: "accounts", object: "Company", key: "External_ID",
		fields: map[string]string{
			"External_ID": "accountid", "Name": "name", "Account_Number": "accountnumber", "Industry": "industrycode" + formatted,
			"Employees": "numberofemployees", "Annual_Revenue": "revenue", "Status": "statecode" + formatted, "Phone": "telephone1",
			"Website": "websiteurl", "City": "address1_city", "Country": "address1_country", "Description": "description",
			"Source_Created_On": "createdon", "Source_Modified_On": "modifiedon",
			"CSM": "_ownerid_value", "Parent_Company": "_parentaccountid_value",
		},
		lookups: map[string]string{"CSM": "User", "Parent_Company": "Company"},
	},
	{
		query: "contacts?$filter=jobtitle ne '" + hidden + "' or jobtitle eq null", object: Contact, key: "External_ID__gc",
		fields: map[string]string{
			"External_ID__gc": "contactid", "Name__gc": "fullname", "Title__gc": "jobtitle", "Phone__gc": "telephone1", "Company__gc": "_parentcustomerid_value",
		},
		lookups: map[string]string{"Company__gc": "Company"},
	},
}

// rows are rows by the key of their record.
type rows map[string]map[string]string

// Compare compares every row and every mapped field of source and target, and
// returns every difference. The source must not change meanwhile.
//
// A lookup to a record that is gone, whose id the sandbox keeps, is empty on
// both sides.
func (s *Source) Compare(ctx context.Context, c *client.Client) (differences []string, err error) {
	say := func(format string, args ...any) { differences = append(differences, fmt.Sprintf(format, args...)) }
	source := map[string]rows{}
	keyOf := map[string]map[string]string{} // by object and GSID
	for _, t := range tables {
		source[t.object], keyOf[t.object] = rows{}, map[string]string{}
		list, err := s.Rows(ctx, strings.ReplaceAll(t.query, " ", "%20"))
		if err != nil {
			return nil, err
		}
		for _, record := range list {
			row := map[string]string{}
			for field, column := range t.fields {
				row[field] = plain(record[column])
			}
			source[t.object][row[t.key]] = row
		}
	}
	for _, t := range tables {
		for _, row := range source[t.object] {
			for field, object := range t.lookups {
				if _, there := source[object][row[field]]; !there {
					row[field] = ""
				}
			}
		}
		target := rows{}
		for stored, err := range c.Rows(ctx, t.object, client.RowFilter{Paging: client.Paging{Limit: 200}}) {
			if err != nil {
				return nil, err
			}
			row := map[string]string{}
			for field := range t.fields {
				row[field] = plain(stored[field])
			}
			keyOf[t.object][plain(stored[crosswalk.GSIDField])] = row[t.key]
			if target[row[t.key]] != nil {
				say("%s has two rows of %s", t.object, row[t.key])
			}
			target[row[t.key]] = row
		}
		for _, row := range target {
			for field, object := range t.lookups {
				row[field] = keyOf[object][row[field]]
			}
		}
		if len(target) < 10 {
			say("%s has only %d rows", t.object, len(target))
		}
		for key, want := range source[t.object] {
			if got := target[key]; got == nil {
				say("%s lacks the row of %s", t.object, key)
			} else if diff := cmp.Diff(want, got); diff != "" {
				say("%s, row of %s (-source +target):\n%s", t.object, key, diff)
			}
		}
		for key := range target {
			if source[t.object][key] == nil {
				say("%s has a row of %s, which is not in the source", t.object, key)
			}
		}
	}
	slices.Sort(differences)
	return differences, nil
}

// plain returns a value in one form, whichever side it is of.
func plain(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case bool:
		return fmt.Sprint(v)
	}
	text := fmt.Sprint(v)
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.UTC().Format(time.RFC3339)
	}
	if n, ok := new(big.Rat).SetString(text); ok && !strings.ContainsAny(text, "eExXpP/_+") {
		return n.RatString()
	}
	return text
}

// Once checks that nothing happened twice and nothing is unaccounted for: that
// the counts of every run add up, that no run of the journal brought a record
// twice, and that each object has as many rows as the runs of its job inserted,
// less those that they deleted. db is the server's database.
func Once(ctx context.Context, c *client.Client, db *database.DB) (problems []string, err error) {
	say := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	left := map[string]int64{}
	for r, err := range c.Runs(ctx, client.RunFilter{Paging: client.Paging{Limit: 200}}) {
		if err != nil {
			return nil, err
		}
		n := r.Counts
		if sum := n.Inserted + n.Updated + n.Unchanged + n.Rejected + n.Duplicates + n.Skipped; n.Read != sum {
			say("run %d of %s read %d, and its parts add up to %d: %+v", r.Number, r.JobName, n.Read, sum, n)
		}
		if n.Rejected > 0 {
			say("run %d of %s rejected %d", r.Number, r.JobName, n.Rejected)
		}
		left[r.Object] += n.Inserted - n.Deleted
		var wrote int64
		o, err := c.FindObject(ctx, r.Object)
		if err != nil {
			return nil, err
		}
		if r.Object == Journal {
			var twice int64
			err := db.QueryRow(ctx, fmt.Sprintf(`SELECT count(*), count(*) - count(DISTINCT external_id__gc) FROM %s WHERE cw_run = $1`, o.Table()), r.Number).Scan(&wrote, &twice)
			if err != nil {
				return nil, err
			}
			if wrote != n.Inserted || twice != 0 {
				say("run %d of %s has %d rows and says that it inserted %d; %d came twice", r.Number, r.JobName, wrote, n.Inserted, twice)
			}
		}
	}
	for name, rows := range left {
		o, err := c.FindObject(ctx, name)
		if err != nil {
			return nil, err
		}
		if o.Rows != rows {
			say("%s has %d rows; its runs inserted %d more than they deleted", name, o.Rows, rows)
		}
	}
	slices.Sort(problems)
	return problems, nil
}

// Unfinished returns the runs that have not ended.
func Unfinished(ctx context.Context, c *client.Client) ([]crosswalk.Run, error) {
	var list []crosswalk.Run
	for r, err := range c.Runs(ctx, client.RunFilter{Statuses: []crosswalk.RunStatus{crosswalk.RunQueued, crosswalk.RunRunning, crosswalk.RunHeld}}) {
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

// Settle waits until every run has ended, and then runs the jobs one after
// another. The source must no longer change.
func Settle(ctx context.Context, c *client.Client, jobs []crosswalk.Job) ([]crosswalk.Run, error) {
	for {
		list, err := Unfinished(ctx, c)
		if err != nil {
			return nil, err
		}
		if len(list) == 0 {
			break
		}
		for _, r := range list {
			if r, err = c.WaitRun(ctx, r.ID, nil); err != nil {
				return nil, err
			}
			if r.Status == crosswalk.RunHeld {
				return nil, fmt.Errorf("mirror: run %d of %s is held: %s", r.Number, r.JobName, r.Message)
			}
		}
	}
	var last []crosswalk.Run
	for _, j := range jobs {
		r, err := c.StartRun(ctx, j.ID, crosswalk.Scope{})
		if err == nil {
			r, err = c.WaitRun(ctx, r.ID, nil)
		}
		if err != nil {
			return nil, err
		}
		if r.Status != crosswalk.RunSuccess {
			return nil, fmt.Errorf("mirror: run %d of %s ended %s: %s", r.Number, r.JobName, r.Status, r.Message)
		}
		last = append(last, r)
	}
	return last, nil
}
