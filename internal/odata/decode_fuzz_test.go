package odata_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// FuzzDecodePage compares the decoder with one that reads token by token
// through jsontext. Both must accept and refuse the same pages and find the
// same rows, wherever the window cuts.
func FuzzDecodePage(f *testing.F) {
	for _, seed := range []string{
		`{"value":[]}`,
		`{"value":[{"t":"a\ud83d\ude00\ud83d","d":1.50,"n":-9223372036854775808,"b":true,"at":"2023-04-07T21:59:01.123+02:00","day":"2024-02-29","id":"70BF4D48-34cb-ed11-b596-0022481d68cd"}],"@odata.nextLink":"x"}`,
		`{"@odata.count":3,"value":[{"t":null,"t":"b"},{"u":{"a":[1,2,{"b":null}]},"n":1},{"n":1,"t":true}],"@odata.deltaLink":"y","z":[]}`,
		`{"value":[{"_x_value@Microsoft.Dynamics.CRM.lookuplogicalname":"contact","d":1e5}, {"\u0074":"x","d":-0.0}]} `,
		`{"value":[{"t":"é\n"},{"t":01}]}`,
		`{"error":{"code":"0x1","message":"m"}}`,
		"{\"value\":[{\"t\":\"\xff\"}]}",
		`{"value":[{"b":1,"n":1.5,"id":"x"},{"b":2,"b":true}]}`,
		`{"value":[{"@odata.context":"x/$deletedEntity","id":"70BF4D48-34cb-ed11-b596-0022481d68cd","reason":"deleted"},{"id":"70BF4D48-34cb-ed11-b596-0022481d68cd","reason":""},{"id":7,"reason":7,"t":"a"}]}`,
		`{"value":[{"at":"1752-12-31T23:59:59Z"},{"at":"2024-01-01T00:00Z"}]}`,
		`{"value":[{"t":"a","r":{"t":"b","n":1,"s":{"id":"70BF4D48-34cb-ed11-b596-0022481d68cd","_x_value@Microsoft.Dynamics.CRM.lookuplogicalname":"contact"}},"q":null},{"r":null,"q":{"t":"c"}}]}`,
		`{"value":[{"r":{"t":"b","n":1.5},"r":{"n":2,"s":[]},"q":7},{"r":{"t":"b"},"r":"x","r":{"s":{"id":0},"s":null,"t":null}},{"r":{},"q":{"t":{"t":1}}}]}`,
	} {
		f.Add([]byte(seed), uint16(8))
	}
	kinds := [][]column.Spec{every, deep}
	cols := map[uint16][]*odata.Columns{}
	for w := range uint16(64) {
		for _, specs := range kinds {
			c := odata.NewColumns(specs)
			c.SetWindow(int(w) + 1)
			cols[w] = append(cols[w], c)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, window uint16) {
		if strings.Count(string(body), "[")+strings.Count(string(body), "{") > 500 {
			return // deeper than either needs to follow
		}
		for i, specs := range kinds {
			want, wantBad, wantPage, wantErr := reference(body, specs)
			got := column.NewBatch(specs)
			page, err := cols[window%64][i].DecodePage(bytes.NewReader(body), got)
			if (err == nil) != (wantErr == nil) {
				t.Fatalf("error %v, the reference says %v", err, wantErr)
			}
			if diff := cmp.Diff(want, rows(got)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			bad := map[[2]int]bool{}
			for _, b := range got.Bad {
				bad[[2]int{b.Row, b.Column}] = true
			}
			if len(bad) != len(got.Bad) {
				t.Errorf("a value is bad twice: %v", got.Bad)
			}
			if err == nil {
				if diff := cmp.Diff(wantBad, bad); diff != "" {
					t.Errorf("bad values (-want +got):\n%s", diff)
				}
			}
			if diff := cmp.Diff(wantPage, page); diff != "" {
				t.Errorf("page (-want +got):\n%s", diff)
			}
		}
	})
}

// reference decodes a page the slow way.
func reference(body []byte, specs []column.Spec) (out [][]string, bad map[[2]int]bool, page odata.Page, err error) {
	bad = map[[2]int]bool{}
	defer func() {
		if err != nil {
			out, page = nil, odata.Page{}
		}
	}()
	page.Count = -1
	if !utf8.Valid(body) {
		return nil, bad, page, errors.New("not UTF-8")
	}
	d := jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if tok, err := d.ReadToken(); err != nil || tok.Kind() != '{' {
		return nil, bad, page, fmt.Errorf("no object: %w", err)
	}
	seen := false
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, bad, page, err
		}
		key := name.String()
		if key == "value" {
			if seen || d.PeekKind() != '[' {
				return nil, bad, page, errors.New("records twice or not an array")
			}
			seen = true
			if out, page.Deleted, err = referenceRecords(d, specs, bad); err != nil {
				return nil, bad, page, err
			}
			continue
		}
		raw, err := d.ReadValue()
		if err != nil {
			return nil, bad, page, err
		}
		s, isText := referenceText(raw)
		known := true
		switch key {
		case "error":
			return nil, bad, page, errors.New("an error body")
		case "@odata.nextLink":
			page.NextLink = s
		case "@odata.deltaLink":
			page.DeltaLink = s
		case "@Microsoft.Dynamics.CRM.globalmetadataversion":
			page.MetadataVersion = s
		case "@odata.count":
			page.Count = -1
			if s != "" {
				if page.Count, err = strconv.ParseInt(s, 10, 64); err != nil {
					return nil, bad, page, err
				}
			}
		default:
			known = false
		}
		if known && !isText {
			return nil, bad, page, errors.New("not a text")
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, bad, page, err
	}
	if !seen {
		return nil, bad, page, errors.New("no records")
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return nil, bad, page, errors.New("trailing bytes")
	}
	page.Records = len(out)
	return out, bad, page, nil
}

// referenceText returns a string, number or null as text.
func referenceText(raw jsontext.Value) (string, bool) {
	if raw == nil {
		return "", false
	}
	switch raw.Kind() {
	case '"':
		s, err := jsontext.AppendUnquote(nil, raw)
		_ = err // lone surrogates, which come out as U+FFFD
		return string(s), true
	case '0':
		return string(raw), true
	case 'n':
		return "", true
	}
	return "", false
}

func referenceRecords(d *jsontext.Decoder, specs []column.Spec, bad map[[2]int]bool) (out [][]string, gone []odata.Deletion, err error) {
	if _, err := d.ReadToken(); err != nil {
		return nil, nil, err
	}
	for d.PeekKind() != ']' {
		raw, err := d.ReadValue()
		if err != nil || raw.Kind() != '{' {
			return nil, nil, fmt.Errorf("not a record: %w", err)
		}
		row := make([]string, len(specs))
		for i := range row {
			row[i] = "–"
		}
		wrong := map[int]bool{}
		members, err := referenceObject(raw, "", specs, row, wrong)
		if err != nil {
			return nil, nil, err
		}
		id, noID := referenceValue(members["id"], column.GUID)
		if noID == nil {
			noID = referenceMissing(id)
		}
		context, hasContext := members["@odata.context"]
		_, hasReason := members["reason"]
		switch s, _ := referenceText(context); {
		case hasContext && context.Kind() == '"' && strings.HasSuffix(s, "/$deletedEntity"):
			if noID != nil {
				return nil, nil, noID
			}
		case hasContext || !hasReason || noID != nil || row[0] != "–" || wrong[0]:
			for i, w := range wrong {
				if w {
					bad[[2]int{len(out), i}] = true
				}
			}
			out = append(out, row)
			continue
		}
		gone = append(gone, odata.Deletion{ID: guid(id), Records: len(out)})
	}
	_, err = d.ReadToken()
	return out, gone, err
}

// referenceObject reads an object that the names of columns reach by a prefix.
func referenceObject(raw jsontext.Value, prefix string, specs []column.Spec, row []string, wrong map[int]bool) (map[string]jsontext.Value, error) {
	d := jsontext.NewDecoder(bytes.NewReader(raw), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	members := map[string]jsontext.Value{}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		key := name.String()
		value, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		value = value.Clone()
		members[key] = value
		below := false
		for i, spec := range specs {
			if strings.HasPrefix(spec.Name, prefix+key+"/") && !strings.Contains(key, "/") {
				below = true
				row[i], wrong[i] = "–", value.Kind() != '{' && value.Kind() != 'n'
			}
		}
		if below && value.Kind() == '{' {
			if _, err := referenceObject(value, prefix+key+"/", specs, row, wrong); err != nil {
				return nil, err
			}
		}
		for i, spec := range specs {
			if !below && spec.Name == prefix+key && !strings.Contains(key, "/") {
				row[i], err = referenceValue(value, spec.Kind)
				if wrong[i] = err != nil; err != nil {
					row[i] = "–"
				}
			}
		}
	}
	return members, nil
}

func referenceMissing(id string) error {
	if id == "–" || id == "" {
		return errors.New("no id")
	}
	return nil
}

func referenceValue(raw jsontext.Value, kind column.Kind) (string, error) {
	if raw == nil {
		return "–", nil
	}
	s, scalar := referenceText(raw)
	j := raw.Kind()
	switch {
	case j == 'n':
		return "–", nil
	case kind == column.Text && (j == 't' || j == 'f'):
		return string(raw), nil
	case kind == column.Text && scalar, kind == column.Decimal && j == '0':
		return s, nil
	case kind == column.Int && j == '0':
		n, err := strconv.ParseInt(s, 10, 64)
		return strconv.FormatInt(n, 10), err
	case kind == column.Bool && j == 't':
		return "1", nil
	case kind == column.Bool && j == 'f':
		return "0", nil
	case kind == column.Time && j == '"':
		return referenceTime(s)
	case kind == column.Date && j == '"':
		at, err := time.Parse(time.DateOnly, s)
		if err == nil && at.Year() < 1 {
			err = errors.New("before the year 1")
		}
		return strconv.FormatInt(at.Unix()/86400, 10), err
	case kind == column.GUID && j == '"':
		parts := strings.Split(s, "-")
		if len(s) != 36 || len(parts) != 5 || len(parts[0]) != 8 || len(parts[1]) != 4 || len(parts[2]) != 4 || len(parts[3]) != 4 {
			return "", errors.New("not a GUID")
		}
		_, err := hex.DecodeString(strings.Join(parts, ""))
		return strings.ToLower(s), err
	}
	return "", errors.New("another type")
}

var timeForm = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$`)

func referenceTime(s string) (string, error) {
	s = strings.ToUpper(s)
	if !timeForm.MatchString(s) {
		return "", errors.New("not a time")
	}
	if i := len(s) - 6; (s[i] == '+' || s[i] == '-') && s[i+1:i+3] == "24" { // which the standard library takes
		return "", errors.New("not an offset")
	}
	if strings.IndexByte("Z+-", s[16]) >= 0 { // seconds may be missing
		s = s[:16] + ":00" + s[16:]
	}
	at, err := time.Parse("2006-01-02T15:04:05Z07:00", s)
	if err != nil {
		return "", err
	}
	if year, _ := strconv.Atoi(s[:4]); year < 1 {
		return "", errors.New("before the year 1")
	}
	return strconv.FormatInt(at.Unix()*1e6+int64(at.Nanosecond()/1e3), 10), nil
}
