package mapping_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/mapping"
)

// page is where people read about formulas.
const page = "../../docs/mapping.md"

// TestFunctionTable holds the table of functions in the documentation against
// the functions. With -update it writes the table.
func TestFunctionTable(t *testing.T) {
	t.Parallel()
	var want strings.Builder
	want.WriteString("| Function | Gives | Example |\n|---|---|---|\n")
	group := ""
	for _, f := range mapping.Functions() {
		if f.Group != group {
			group = f.Group
			fmt.Fprintf(&want, "| **%s** | | |\n", group)
		}
		fmt.Fprintf(&want, "| `%s` | %s | `%s` is `%s` |\n", f.Usage, f.Does, f.Example, f.Result)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), "| Function | Gives | Example |\n")
	if !ok {
		t.Fatal("the page has no table of functions")
	}
	table, after, _ := strings.Cut(rest, "\n\n")
	if *update {
		if err := os.WriteFile(page, []byte(before+want.String()+"\n"+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want.String(), "| Function | Gives | Example |\n"+table+"\n"); diff != "" {
		t.Errorf("the table of functions is not that of the code; write it with -update (-code +page):\n%s", diff)
	}
}
