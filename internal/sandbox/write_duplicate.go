package sandbox

import (
	"net/http"
	"strings"

	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// duplicateRules are the rules of duplicate detection that each new
// environment has: rows that are alike in all columns of one are duplicates.
var duplicateRules = map[string][][]string{
	"account": {{"name"}, {"emailaddress1"}},
	"contact": {{"emailaddress1"}, {"firstname", "lastname"}},
	"lead":    {{"emailaddress1"}},
}

// duplicate refuses a row like another one, where the caller asks for it
// (manage-duplicate-detection-create-update-web-api.md).
func (w *writing) duplicate() error {
	if !strings.EqualFold(w.c.r.Header.Get("MSCRM.SuppressDuplicateDetection"), "false") {
		return nil
	}
	for _, names := range duplicateRules[w.t.name] {
		values := make([]value, len(names))
		full, changed := true, false
		for i, name := range names {
			a := w.t.byName[name]
			full = full && w.current(a, &values[i])
			changed = changed || w.has(a)
		}
		if !full || !changed {
			continue
		}
		if w.t.alike(names, values, w.row) {
			return &fault{http.StatusPreconditionFailed, "0x80040333", "A record was not created or updated because a duplicate of the current record already exists."}
		}
	}
	return nil
}

// alike tells whether a row other than one has the values.
func (t *table) alike(names []string, values []value, but int) bool {
	var v value
	for row := range (&scan{t: t, to: t.positions()}).all() {
		same := row != but
		for i := 0; same && i < len(names); i++ {
			t.value(row, t.byName[names[i]], &v)
			same = holds(odata.Eq, &v, &values[i])
		}
		if same {
			return true
		}
	}
	return false
}
