package sandbox

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
)

// maxOperations is how many requests one batch can hold.
const maxOperations = 1000

// The longest addresses of a request and of one within a batch.
const (
	longestURL      = 32_768
	longestBatchURL = 65_536
)

func (c *call) maxURL() int {
	if c.within {
		return longestBatchURL
	}
	return longestURL
}

func badBatch(message string) *fault {
	return &fault{http.StatusBadRequest, codePayload, "Error identified in Payload provided by the user for Entity :'', For more information on this error please follow this help link https://go.microsoft.com/fwlink/?linkid=2195293  ---->  InnerException : Microsoft.OData.ODataException: " + message}
}

// operation is one request of a batch.
type operation struct {
	method, target string
	header         http.Header
	body           []byte
	contentID      string
	set            []operation // of a change set, else nil
	fault          *fault      // why it cannot be done
}

// batch answers $batch (execute-batch-operations-using-web-api.md).
func (c *call) batch() error {
	if c.r.Method != http.MethodPost {
		return c.noMethod()
	}
	body, err := io.ReadAll(io.LimitReader(c.r.Body, maxBody+1))
	if err != nil {
		return badBatch("The body could not be read.")
	}
	if len(body) > maxBody {
		return &fault{http.StatusRequestEntityTooLarge, codePayload, "The request body is too large."}
	}
	operations, err := parseBatch(c.r.Header.Get("Content-Type"), body, false)
	if err != nil {
		return err
	}
	n := 0
	for _, o := range operations {
		n += max(1, len(o.set))
	}
	if n > maxOperations {
		return &fault{http.StatusBadRequest, codeOData, "The batch request contains " + strconv.Itoa(n) +
			" operations. The maximum allowed number of operations in a batch request is " + strconv.Itoa(maxOperations) + "."}
	}
	boundary := "batchresponse_" + freshGUID().String()
	var out bytes.Buffer
	status := http.StatusOK
	for i := range operations {
		code := c.part(&out, boundary, &operations[i])
		if code >= 400 && !c.prefer.goOn {
			status = code
			break
		}
	}
	out.WriteString("--" + boundary + "--\r\n")
	h := c.w.Header()
	h.Set("Content-Type", "multipart/mixed; boundary="+boundary)
	if c.prefer.goOn {
		h.Set("Preference-Applied", "odata.continue-on-error")
	}
	c.status = status
	o := c.begin()
	o.buf = append(o.buf, out.Bytes()...)
	return o.close()
}

// part runs one request, or one change set, and writes its answers.
func (c *call) part(out *bytes.Buffer, boundary string, o *operation) int {
	if o.set == nil {
		r := c.inner(o, nil, nil)
		out.WriteString("--" + boundary + "\r\n")
		r.write(out, "")
		return r.status()
	}
	var answers []*recorder
	ids := map[string]string{}
	err := c.s.update(func(tx *transaction) error {
		for i := range o.set {
			r := c.inner(&o.set[i], tx, ids)
			if r.status() >= 400 {
				answers = []*recorder{r}
				return errRolledBack
			}
			answers = append(answers, r)
		}
		return nil
	})
	out.WriteString("--" + boundary + "\r\n")
	if err != nil { // the answer to the request that failed stands for all
		answers[0].write(out, "")
		return answers[0].status()
	}
	inner := "changesetresponse_" + freshGUID().String()
	out.WriteString("Content-Type: multipart/mixed; boundary=" + inner + "\r\n\r\n")
	for i, r := range answers {
		out.WriteString("--" + inner + "\r\n")
		r.write(out, o.set[i].contentID)
	}
	out.WriteString("--" + inner + "--\r\n")
	return http.StatusOK
}

var errRolledBack = errors.New("sandbox: change set rolled back")

// inner answers one request of the batch.
func (c *call) inner(o *operation, tx *transaction, ids map[string]string) *recorder {
	w := &recorder{header: http.Header{}}
	target := o.target
	if name, rest, _ := strings.Cut(target, "/"); strings.HasPrefix(name, "$") && ids[name[1:]] != "" {
		target = strings.TrimSuffix(ids[name[1:]]+"/"+rest, "/")
	}
	switch {
	case strings.Contains(target, "://"), strings.HasPrefix(target, "/"):
	default:
		target = c.root + "/" + target
	}
	u, err := url.Parse(target)
	if err != nil {
		o.fault = badBatch("The request URI '" + o.target + "' is not valid.")
		u = &url.URL{Path: "/"}
	}
	r := (&http.Request{
		Method: o.method, URL: u, Header: o.header, Body: io.NopCloser(bytes.NewReader(o.body)), Host: c.r.Host, TLS: c.r.TLS,
	}).WithContext(context.WithoutCancel(c.r.Context()))
	r.Header.Del("Accept-Encoding")
	for _, name := range impersonating {
		if id := c.r.Header.Get(name); id != "" && r.Header.Get(name) == "" {
			r.Header.Set(name, id)
		}
	}
	d := &call{s: c.s, w: w, r: r, signed: c.signed, who: c.signed, data: c.s.snapshot(), prefer: parsePrefer(r.Header), within: true, tx: tx, contentID: o.contentID, contentIDs: ids}
	if tx != nil {
		d.data = tx.data
	}
	w.header.Set("OData-Version", "4.0")
	if o.fault != nil {
		d.fail(o.fault)
		return w
	}
	if tx != nil && o.method == http.MethodGet {
		d.fail(badBatch("A change set cannot contain a GET request."))
		return w
	}
	d.run()
	return w
}

// recorder keeps the answer to a request of a batch.
type recorder struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(code int) {
	if r.code == 0 {
		r.code = code
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(p)
}

func (r *recorder) status() int {
	if r.code == 0 {
		return http.StatusOK
	}
	return r.code
}

// write writes the answer as a part.
func (r *recorder) write(out *bytes.Buffer, contentID string) {
	out.WriteString("Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n")
	if contentID != "" {
		out.WriteString("Content-ID: " + contentID + "\r\n")
	}
	out.WriteString("\r\nHTTP/1.1 " + strconv.Itoa(r.status()) + " " + http.StatusText(r.status()) + "\r\n")
	for _, name := range []string{"Content-Type", "OData-Version", "Location", "OData-EntityId", "ETag", "Preference-Applied", "Retry-After"} {
		if v := r.header.Get(name); v != "" {
			if name == "Content-Type" {
				v = strings.TrimSuffix(v, "; odata.streaming=true")
			}
			out.WriteString(name + ": " + v + "\r\n")
		}
	}
	out.WriteString("\r\n")
	out.Write(r.body.Bytes())
	out.WriteString("\r\n")
}

// parseBatch reads the parts of a batch or of a change set. Lines may end
// with LF alone.
func parseBatch(contentType string, body []byte, inside bool) ([]operation, error) {
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil || media != "multipart/mixed" || params["boundary"] == "" {
		return nil, badBatch("The content type of a batch must be 'multipart/mixed' with a boundary.")
	}
	parts, err := splitParts(body, params["boundary"])
	if err != nil {
		return nil, err
	}
	var operations []operation
	for _, p := range parts {
		header, rest, err := readHeader(p)
		if err != nil {
			return nil, badBatch("The headers of a part could not be read.")
		}
		kind := header.Get("Content-Type")
		switch media, _, _ := mime.ParseMediaType(kind); {
		case media == "multipart/mixed" && inside:
			return nil, badBatch("A change set cannot contain a change set.")
		case media == "multipart/mixed":
			set, err := parseBatch(kind, rest, true)
			if err != nil {
				return nil, err
			}
			operations = append(operations, operation{set: append([]operation{}, set...)})
		case media == "application/http":
			o, err := parseOperation(rest)
			if err != nil {
				return nil, err
			}
			if o.contentID = header.Get("Content-ID"); o.contentID == "" {
				o.contentID = o.header.Get("Content-ID")
			}
			if inside && o.contentID == "" {
				return nil, badBatch("A request of a change set lacks the header Content-ID.")
			}
			operations = append(operations, o)
		default:
			return nil, badBatch("The content type '" + kind + "' of a part is not supported.")
		}
	}
	return operations, nil
}

// splitParts cuts a body at its boundary.
func splitParts(body []byte, boundary string) ([][]byte, error) {
	delimiter := []byte("--" + boundary)
	var parts [][]byte
	var current []byte
	begun := false
	for len(body) > 0 {
		line := body
		if i := bytes.IndexByte(body, '\n'); i >= 0 {
			line = body[:i+1]
		}
		body = body[len(line):]
		bare := bytes.TrimRight(line, " \t\r\n")
		switch {
		case bytes.Equal(bare, delimiter), bytes.Equal(bare, append(delimiter, "--"...)):
			if begun {
				parts = append(parts, bytes.TrimSuffix(bytes.TrimSuffix(current, []byte("\n")), []byte("\r")))
			}
			if begun = len(bare) == len(delimiter); !begun {
				return parts, nil
			}
			current = nil
		case begun:
			current = append(current, line...)
		}
	}
	return nil, badBatch("Unexpected end of the batch: the closing boundary is missing.")
}

// readHeader reads headers up to an empty line.
func readHeader(text []byte) (http.Header, []byte, error) {
	b := bufio.NewReader(bytes.NewReader(text))
	header, err := textproto.NewReader(b).ReadMIMEHeader()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	rest, _ := io.ReadAll(b) // reading memory does not fail
	return http.Header(header), rest, nil
}

// parseOperation reads a request line, headers and a body.
func parseOperation(text []byte) (operation, error) {
	text = bytes.TrimLeft(text, "\r\n")
	line, rest, _ := bytes.Cut(text, []byte("\n"))
	fields := strings.Fields(string(line))
	if len(fields) < 2 || len(fields) > 3 || len(fields) == 3 && fields[2] != "HTTP/1.1" {
		return operation{}, badBatch("The request line '" + strings.TrimSpace(string(line)) + "' of a part is not valid.")
	}
	o := operation{method: fields[0], target: fields[1], header: http.Header{}}
	if len(bytes.TrimSpace(rest)) > 0 && rest[0] != '\n' && !bytes.HasPrefix(rest, []byte("\r\n")) {
		header, body, err := readHeader(rest)
		if err != nil {
			return operation{}, badBatch("The headers of a request could not be read.")
		}
		o.header, o.body = header, bytes.TrimSpace(body)
	} else {
		o.body = bytes.TrimSpace(rest)
	}
	return o, nil
}
