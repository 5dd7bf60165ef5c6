package sandbox

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
)

// pageNumber finds the number of a page in its address.
var pageNumber = regexp.MustCompile(`pagenumber=%22(\d{1,8})%22`)

// emptyPage answers with a page without rows. The page that would have been
// comes next, under the next number.
func (s *Sandbox) emptyPage(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
	r = r.Clone(r.Context())
	r.Header.Del("Accept-Encoding")
	answer := &recorder{header: w.Header()}
	next(answer, r)
	var page struct {
		Context string `json:"@odata.context"`
	}
	body := answer.body.Bytes()
	if answer.status() == http.StatusOK && json.Unmarshal(body, &page) == nil {
		link := pageNumber.ReplaceAllStringFunc(r.URL.RequestURI(), func(m string) string {
			n, _ := strconv.Atoi(pageNumber.FindStringSubmatch(m)[1]) // digits
			return "pagenumber=%22" + strconv.Itoa(n+1) + "%22"
		})
		body = appendJSON(nil, object{{"@odata.context", page.Context}, {"value", []any{}}, {"@odata.nextLink", s.baseURL(r) + link}})
	}
	w.WriteHeader(answer.status())
	_, _ = w.Write(body)
}
