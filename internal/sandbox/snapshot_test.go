package sandbox_test

import (
	"fmt"
	"sync"
	"testing"
)

// TestSnapshots reads while others write: each answer shows whole changes,
// each of which gives two rows the same name, or none.
func TestSnapshots(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	rows := s.values(t, "accounts?$select=name&$top=2")
	a, b := rows[0]["accountid"].(string), rows[1]["accountid"].(string)
	names := func() (string, string) {
		got := s.values(t, "accounts?$select=name&$top=2")
		return fmt.Sprint(got[0]["name"]), fmt.Sprint(got[1]["name"])
	}
	write := func(i int) {
		const kind = `"@odata.type":"Microsoft.Dynamics.CRM.account"`
		s.must(t, 204, "POST", "accounts/Microsoft.Dynamics.CRM.UpdateMultiple",
			fmt.Sprintf(`{"Targets":[{%s,"accountid":"%s","name":"n%d"},{%s,"accountid":"%s","name":"n%d"}]}`, kind, a, i, kind, b, i))
	}
	write(-1)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 15 {
				if w%2 == 0 {
					write(w*100 + i)
					s.must(t, 204, "POST", "contacts", `{"lastname":"x"}`)
				} else if x, y := names(); x != y {
					t.Errorf("%s and %s at one moment", x, y)
				}
			}
		})
	}
	wg.Wait()
	if got := s.Count("contact"); got != small.Contacts+30 {
		t.Errorf("%d contacts", got)
	}
}
