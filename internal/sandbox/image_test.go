package sandbox_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Images are written in base64 and read so, or as they are; with them go an
// id, an address and a moment.
func TestImages(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	picture := "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff"
	text := base64.StdEncoding.EncodeToString([]byte(picture))
	const columns = "?$select=entityimage,entityimageid,entityimage_url,entityimage_timestamp"
	empty := map[string]any{"entityimage": nil, "entityimageid": nil, "entityimage_url": nil, "entityimage_timestamp": nil}
	show := func(address string) map[string]any {
		row := map[string]any{}
		for name, v := range s.decode(t, address+columns) {
			if strings.HasPrefix(name, "entityimage") {
				row[name] = v
			}
		}
		return row
	}
	id := s.values(t, "accounts?$select=accountid")[0]["accountid"].(string)
	changed := "accounts(" + id + ")"
	if d := cmp.Diff(empty, show(changed)); d != "" {
		t.Error(d)
	}
	s.must(t, 204, "PATCH", changed, `{"entityimage":"`+text+`"}`)
	_, made := s.must(t, 201, "POST", "contacts?$select=contactid", `{"lastname":"Seen","entityimage":"`+text+`"}`, "Prefer", "return=representation")
	_, contact, _ := strings.Cut(made, `"contactid":"`)
	contact = contact[:36]
	ids := map[any]bool{}
	for address, row := range map[string]string{changed: id, "contacts(" + contact + ")": contact} {
		got := show(address)
		ids[got["entityimageid"]] = true
		if got["entityimage"] != text || !strings.Contains(fmt.Sprint(got["entityimage_url"]), "/Image/download.aspx?") ||
			!strings.Contains(fmt.Sprint(got["entityimage_url"]), "&Id="+row+"&Timestamp="+fmt.Sprint(got["entityimage_timestamp"])) {
			t.Errorf("%s: %v", address, got)
		}
		r := s.do(t, address+"/entityimage/$value?size=full")
		if body := s.text(t, r); r.StatusCode != http.StatusOK || body != picture || r.Header.Get("Content-Type") != "application/octet-stream" {
			t.Errorf("%s: %s %q", address, r.Status, body)
		}
	}
	if len(ids) != 2 || ids[nil] {
		t.Errorf("ids of two images: %v", ids)
	}
	s.fails(t, 400, "0x80048d19", "expected type 'Edm.Binary'", "PATCH", changed, `{"entityimage":"not base64"}`)
	s.fails(t, 400, "0x80048d19", "expected type 'Edm.Binary'", "PATCH", changed, `{"entityimage":7}`)
	s.fails(t, 400, "0x80044330", "10240 KB", "PATCH", changed, `{"entityimage":"`+strings.Repeat("AAAA", 4<<20)+`"}`)
	s.must(t, 204, "PATCH", changed, `{"entityimage":null}`)
	if d := cmp.Diff(empty, show(changed)); d != "" {
		t.Error(d)
	}
	if r := s.do(t, changed+"/entityimage/$value"); r.StatusCode != http.StatusNoContent {
		t.Errorf("no image: %s", r.Status)
	}
}
