package sandbox_test

import (
	"bufio"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// part is one answer of a batch.
type part struct {
	status    int
	contentID string
	header    http.Header
	body      string
}

// batch sends a batch and reads the answers; lines end as given.
func (s *server) batch(t testing.TB, status int, body, eol string, headers ...string) []part {
	t.Helper()
	body = strings.ReplaceAll(body, "\n", eol)
	a, text := s.send(t, "POST", "$batch", body, append([]string{"Content-Type", `multipart/mixed; boundary="batch_1"`}, headers...)...)
	if a.StatusCode != status {
		t.Fatalf("%s: %s", a.Status, text)
	}
	return parts(t, a.Header.Get("Content-Type"), strings.NewReader(text))
}

func parts(t testing.TB, contentType string, body io.Reader) []part {
	t.Helper()
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil || media != "multipart/mixed" {
		t.Fatalf("%q: %v", contentType, err)
	}
	var list []part
	for r := multipart.NewReader(body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		if kind := p.Header.Get("Content-Type"); strings.HasPrefix(kind, "multipart/") {
			list = append(list, parts(t, kind, p)...)
			continue
		}
		if p.Header.Get("Content-Type") != "application/http" || p.Header.Get("Content-Transfer-Encoding") != "binary" {
			t.Error(p.Header)
		}
		answer, err := http.ReadResponse(bufio.NewReader(p), nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		list = append(list, part{answer.StatusCode, p.Header.Get("Content-Id"), answer.Header, strings.TrimSpace(string(text))})
	}
}

const partHeader = "Content-Type: application/http\nContent-Transfer-Encoding: binary\n"

func get(path string) string {
	return "--batch_1\n" + partHeader + "\nGET " + path + " HTTP/1.1\nAccept: application/json\n\n\n"
}

func statuses(list []part) []int {
	var l []int
	for _, p := range list {
		l = append(l, p.status)
	}
	return l
}

func TestBatch(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	for name, eol := range map[string]string{"CRLF": "\r\n", "LF": "\n"} {
		id := map[string]string{"CRLF": "11111111-0000-4000-8000-000000000001", "LF": "11111111-0000-4000-8000-000000000002"}[name]
		body := get("/api/data/v9.2/accounts?$select=name&$top=2") +
			"--batch_1\nContent-Type: multipart/mixed; boundary=\"changeset_1\"\n\n" +
			"--changeset_1\n" + partHeader + "Content-ID: 1\n\nPOST " + s.url + "/api/data/v9.2/accounts HTTP/1.1\nContent-Type: application/json\n\n{\"accountid\":\"" + id + "\",\"name\":\"in a set\"}\n" +
			"--changeset_1\n" + partHeader + "Content-ID: 2\n\nPOST /api/data/v9.2/contacts HTTP/1.1\nContent-Type: application/json\n\n{\"lastname\":\"x\",\"parentcustomerid_account@odata.bind\":\"$1\"}\n" +
			"--changeset_1\n" + partHeader + "Content-ID: 3\n\nPATCH $1 HTTP/1.1\nContent-Type: application/json\n\n{\"telephone1\":\"5\"}\n" +
			"--changeset_1--\n" +
			get("accounts("+id+")?$select=name,telephone1") + "--batch_1--\n"
		list := s.batch(t, 200, body, eol)
		if d := cmp.Diff([]int{200, 204, 204, 204, 200}, statuses(list)); d != "" {
			t.Fatalf("%s: %s", name, d)
		}
		if list[1].contentID != "1" || list[3].contentID != "3" || !strings.HasSuffix(list[1].header.Get("OData-EntityId"), "/accounts("+id+")") ||
			list[1].header.Get("Location") == "" || list[0].header.Get("OData-Version") != "4.0" {
			t.Errorf("%s: %+v", name, list)
		}
		if !strings.Contains(list[4].body, `"name":"in a set"`) || !strings.Contains(list[4].body, `"telephone1":"5"`) {
			t.Errorf("%s: %s", name, list[4].body)
		}
		if rows := s.values(t, "contacts?$filter=_parentcustomerid_value eq "+id); len(rows) != 1 {
			t.Errorf("%s: %d contacts of the new account", name, len(rows))
		}
	}
}

func TestBatchFailures(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	before := s.Count("account")
	set := "--batch_1\nContent-Type: multipart/mixed; boundary=changeset_1\n\n" +
		"--changeset_1\n" + partHeader + "Content-ID: 1\n\nPOST accounts HTTP/1.1\nContent-Type: application/json\n\n{\"name\":\"rolled back\"}\n" +
		"--changeset_1\n" + partHeader + "Content-ID: 2\n\nPATCH accounts(" + newID + ") HTTP/1.1\nIf-Match: *\nContent-Type: application/json\n\n{\"name\":\"x\"}\n" +
		"--changeset_1--\n"
	body := get("accounts?$top=1") + set + get("accounts?$top=1") + "--batch_1--\n"
	if d := cmp.Diff([]int{200, 404}, statuses(s.batch(t, 404, body, "\r\n"))); d != "" {
		t.Error(d)
	}
	list := s.batch(t, 200, body, "\n", "Prefer", "odata.continue-on-error")
	if d := cmp.Diff([]int{200, 404, 200}, statuses(list)); d != "" {
		t.Error(d)
	}
	if !strings.Contains(list[1].body, "0x80040217") {
		t.Error(list[1].body)
	}
	if s.Count("account") != before {
		t.Error("a failed change set left rows")
	}
	const payload = "0x80048d19"
	kind := []string{"Content-Type", "multipart/mixed;boundary=batch_1"}
	s.fails(t, 400, payload, "closing boundary", "POST", "$batch", get("accounts"), kind...)
	s.fails(t, 400, payload, "boundary", "POST", "$batch", "x", "Content-Type", "application/json")
	s.fails(t, 400, payload, "cannot contain a change set", "POST", "$batch", "--batch_1\nContent-Type: multipart/mixed;boundary=c\n\n--c\nContent-ID: 1\nContent-Type: multipart/mixed;boundary=d\n\n--d--\n--c--\n--batch_1--\n", kind...)
	s.fails(t, 400, "0x80060888", "The maximum allowed number of operations in a batch request is 1000.", "POST", "$batch",
		strings.Repeat(get("WhoAmI()"), 1001)+"--batch_1--\n", kind...)
	s.fails(t, 405, "0x80060888", "does not support http method", "GET", "$batch", "")
}

// TestBatchURLs takes longer addresses than a request of its own can have.
func TestBatchURLs(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	values := strings.TrimSuffix(strings.Repeat("%22"+newID+"%22,", 900), ",")
	path := "accounts?$select=name&$filter=Microsoft.Dynamics.CRM.In(PropertyName='accountid',PropertyValues=%5B" + values + "%5D)"
	if len(path) < 32_768 || len(path) > 65_000 {
		t.Fatal(len(path))
	}
	if a, _ := s.send(t, "GET", path, ""); a.StatusCode != 414 {
		t.Error(a.Status)
	}
	s.must(t, 204, "PATCH", "accounts("+newID+")", `{"name":"found"}`)
	list := s.batch(t, 200, get("/api/data/v9.2/"+path)+"--batch_1--\n", "\n")
	if len(list) != 1 || list[0].status != 200 || !strings.Contains(list[0].body, `"name":"found"`) {
		t.Error(fmt.Sprint(list)[:200])
	}
	if d := cmp.Diff([]int{414}, statuses(s.batch(t, 414, get("/api/data/v9.2/"+path+strings.Repeat("%20", 15_000))+"--batch_1--\n", "\n"))); d != "" {
		t.Error(d)
	}
}
