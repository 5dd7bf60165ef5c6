package kill

import (
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// firstLoad is an object that a run fills for the first time: without its
// unique index, which is made in the end.
type firstLoad struct {
	*house
	job crosswalk.Job
	// Where the fields come from, of which the first ones tell rows apart.
	attributes []string
	keys       int
}

// load starts the server and makes an object for accounts and its job. keys
// are the attributes that tell rows apart; more are stored beside.
func (h *house) load(keys []string, more ...string) *firstLoad {
	h.Helper()
	h.start()
	f := &firstLoad{house: h, attributes: append(keys, more...), keys: len(keys)}
	conn, err := h.InsertConnection(h.ctx, client.ConnectionInput{
		Name: "Source", EnvironmentURL: h.source.URL, SignInMode: crosswalk.SignInSecret, ClientID: sandbox.ClientID, ClientSecret: sandbox.ClientSecret,
	})
	h.must(err)
	_, err = h.Authorize(h.ctx, conn.ID, "")
	h.must(err)
	object := crosswalk.ObjectDefinition{DisplayName: "Place"}
	job := client.JobInput{
		Name: "Places", ConnectionID: conn.ID, Entity: "account", Object: "Place__gc", Operation: crosswalk.OperationUpsert, LoadMode: crosswalk.LoadFull,
	}
	for i, attribute := range f.attributes {
		object.Fields = append(object.Fields, crosswalk.FieldDefinition{DisplayName: fmt.Sprint("Field ", i), Type: crosswalk.FieldString, MaxLength: 4000})
		job.Mapping.Fields = append(job.Mapping.Fields, crosswalk.FieldMapping{Source: attribute, Target: field(i), Identifier: i < f.keys})
	}
	_, err = h.InsertObject(h.ctx, object)
	h.must(err)
	f.job, err = h.InsertJob(h.ctx, job)
	h.must(err)
	return f
}

// field returns the name of a field.
func field(i int) string { return fmt.Sprintf("Field_%d__gc", i) }

// run starts the run and returns when all pages are stored but some, which the
// source holds back until released.
func (f *firstLoad) run(pages int64) (run crosswalk.Run, release func()) {
	f.Helper()
	var asked atomic.Int64
	on := make(chan struct{})
	remove := f.source.Sandbox.Inject(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/accounts") && !strings.Contains(r.URL.RawQuery, "aggregate") {
			if asked.Add(1) > pages {
				select {
				case <-on:
				case <-r.Context().Done():
				}
			}
		}
		return false
	})
	run, err := f.StartRun(f.ctx, f.job.ID, crosswalk.Scope{})
	f.must(err)
	for run.Counts.Pages < pages {
		if run.Status.Ended() {
			f.Fatalf("the run ended %s: %s", run.Status, run.Message)
		}
		time.Sleep(20 * time.Millisecond)
		run, err = f.FindRun(f.ctx, run.ID)
		f.must(err)
	}
	return run, func() { remove(); close(on) }
}

// says waits until an unfinished run says that of itself.
func (f *firstLoad) says(run crosswalk.Run, text string) {
	f.Helper()
	for began := time.Now(); !strings.Contains(run.Message, text); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > time.Minute || run.Status.Ended() {
			f.Fatalf("the run is %s and says %q, want %q", run.Status, run.Message, text)
		}
		var err error
		run, err = f.FindRun(f.ctx, run.ID)
		f.must(err)
	}
}

// number returns what a query of the database says.
func (f *firstLoad) number(query string) (n int64) {
	f.Helper()
	db, err := database.Open(f.ctx, f.dsn, nil)
	f.must(err)
	defer db.Close()
	f.must(db.QueryRow(f.ctx, query).Scan(&n))
	return n
}

// loading reports whether the object is being filled without its index.
func (f *firstLoad) loading() bool {
	f.Helper()
	return f.number("SELECT count(*) FROM cw_loads") > 0
}

// indexes returns the number of unique indexes that tell rows apart.
func (f *firstLoad) indexes() int64 {
	f.Helper()
	if strings.HasPrefix(f.dsn, "postgres") {
		return f.number("SELECT count(*) FROM pg_index i WHERE indrelid = 'place__gc'::regclass AND indisunique AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = i.indexrelid)")
	}
	return f.number(`SELECT count(*) FROM pragma_index_list('place__gc') WHERE "unique" = 1 AND origin = 'c'`)
}

// count returns the number of rows.
func (f *firstLoad) count() int64 {
	f.Helper()
	return f.number("SELECT count(*) FROM place__gc")
}

// emptyLog moves what is in the log of SQLite into the file.
func (f *firstLoad) emptyLog() {
	f.Helper()
	raw, err := sql.Open("sqlite", "file:"+strings.TrimPrefix(f.dsn, "sqlite:")+"?_pragma=busy_timeout(10000)")
	f.must(err)
	defer raw.Close()
	var busy, pages, moved int
	f.must(raw.QueryRowContext(f.ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved))
	if busy != 0 || pages != 0 {
		f.Fatalf("the log keeps %d pages", pages)
	}
}

// whole waits until the run ends, and checks that it ended in success, that the
// counts add up, and that the rows are those of the source, each once, under one
// unique index.
func (f *firstLoad) whole(run crosswalk.Run) {
	f.Helper()
	run, err := f.WaitRun(f.ctx, run.ID, nil)
	f.must(err)
	records, err := f.source.Rows(f.ctx, "accounts?$select="+strings.Join(slices.Compact(slices.Sorted(slices.Values(f.attributes))), ","))
	f.must(err)
	want := map[string][]string{}
	for _, r := range records {
		f.note(want, func(i int) any { return r[f.attributes[i]] })
	}
	n := run.Counts
	if run.Status != crosswalk.RunSuccess || n.Inserted != int64(len(want)) || n.Read != int64(len(records)) || n.Read != n.Inserted+n.Updated+n.Unchanged+n.Duplicates {
		f.Errorf("the run ended %s (%s) with %+v, of %d records of %d rows", run.Status, run.Message, n, len(records), len(want))
	}
	if f.loading() || f.indexes() != 1 || f.count() != int64(len(want)) {
		f.Errorf("being filled: %v, %d unique indexes, %d rows of %d", f.loading(), f.indexes(), f.count(), len(want))
	}
	got := map[string][]string{}
	for row, err := range f.Rows(f.ctx, "Place__gc", client.RowFilter{Paging: client.Paging{Limit: 200}}) {
		f.must(err)
		f.note(got, func(i int) any { return row[field(i)] })
	}
	if diff := cmp.Diff(want, got); diff != "" {
		f.Errorf("rows (-source +target):\n%.2000s", diff)
	}
}

// note adds a row, by what tells it apart.
func (f *firstLoad) note(rows map[string][]string, value func(i int) any) {
	var list []string
	for i := range f.attributes {
		text := ""
		if v := value(i); v != nil {
			text = fmt.Sprint(v)
		}
		list = append(list, text)
	}
	rows[strings.Join(list[:f.keys], "|")] = list
}

// TestDiskFullWhileIndexing leaves too little room on the disk for the index
// that a first load makes in the end: for what is sorted, and for what is
// stored. The run says so, keeps its rows, and ends by itself when there is
// room.
func TestDiskFullWhileIndexing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		keys []string
		room int64
	}{
		{"sorting", slices.Repeat([]string{"accountid"}, 6), 2 << 20},
		{"storing", []string{"accountid"}, 800 << 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			const accounts = 24_004
			h := emptyHouse(t, "", smallDisk(t, "96m"), sandbox.Config{Seed: 3, Users: 5, Accounts: accounts, Contacts: -1})
			h.pageSize = 1000
			f := h.load(tt.keys, "telephone1", "address1_country")
			run, release := f.run(accounts / 1000)
			// What is in the log of the database is no room for more.
			f.emptyLog()
			filler := filepath.Join(h.data, "filler")
			fill(t, filler)
			info, err := os.Stat(filler)
			f.must(err)
			f.must(os.Truncate(filler, info.Size()-tt.room))
			release()

			f.says(run, "The disk of the database is full.")
			if !f.loading() || f.indexes() != 0 || f.count() != accounts {
				t.Errorf("being filled: %v, %d unique indexes, %d rows", f.loading(), f.indexes(), f.count())
			}
			if commit := strings.Contains(f.log.String(), "database: commit: "); commit != (tt.name == "storing") {
				t.Errorf("the disk was full at the commit: %v", commit)
			}
			f.must(os.Remove(filler))
			f.whole(run)
			f.must(f.server.Stop(f.ctx))
		})
	}
}
