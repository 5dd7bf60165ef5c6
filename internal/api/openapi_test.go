package api_test

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/api"
)

var update = flag.Bool("update", false, "rewrite openapi.json")

// The committed document is what the web UI's types are made from, and what a
// reader of the repository sees of the API.
func TestOpenAPIDocument(t *testing.T) {
	t.Parallel()
	got, err := api.OpenAPI("development")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("openapi.json", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("openapi.json is not what the code says; run: go test ./internal/api -run OpenAPI -update\n%s", diff)
	}
}
