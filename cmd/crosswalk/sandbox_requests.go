package main

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

type sandboxRequestsCmd struct {
	After  int64      `placeholder:"N" help:"Only requests after this number."`
	Path   string     `placeholder:"TEXT" help:"Only requests whose address contains this."`
	Method string     `placeholder:"METHOD" help:"Only requests with this method."`
	Status int        `placeholder:"STATUS" help:"Only requests that were answered with this status."`
	Header string     `placeholder:"NAME[:TEXT]" help:"Only requests with this header, whose value contains the text: Prefer:maxpagesize."`
	Length int        `placeholder:"BYTES" help:"Only requests whose address has at least so many bytes."`
	Fault  string     `placeholder:"KIND" help:"Only requests that this fault struck."`
	Limit  atLeastOne `default:"50" help:"At most this many, the last ones."`
	Show   []string   `placeholder:"HEADER" help:"Headers to show beside."`
	Clear  bool       `help:"Empty the log."`
	sandboxRemote
}

func (cmd *sandboxRequestsCmd) Run(ctx context.Context, a *app) error {
	if cmd.Clear {
		return cmd.change(ctx, a, http.MethodDelete, "requests", nil)
	}
	var list []sandbox.Request
	query := url.Values{}
	for name, value := range map[string]string{
		"after": strconv.FormatInt(cmd.After, 10), "path": cmd.Path, "method": cmd.Method, "status": strconv.Itoa(cmd.Status),
		"header": cmd.Header, "length": strconv.Itoa(cmd.Length), "fault": cmd.Fault,
	} {
		if value != "" && value != "0" {
			query.Set(name, value)
		}
	}
	path := "requests"
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	if err := cmd.call(ctx, http.MethodGet, path, nil, &list); err != nil {
		return err
	}
	list = list[max(len(list)-int(cmd.Limit), 0):]
	if cmd.JSON {
		return a.printJSON(list)
	}
	t := &table{head: []string{">No.", "Time", "Request", ">Status", ">Bytes", ">Took", ">At once", ">Length", "Fault"}}
	t.head = append(t.head, cmd.Show...)
	for _, r := range list {
		address := r.URL
		if runes := []rune(address); len(runes) > 80 {
			address = string(runes[:79]) + "…"
		}
		cells := []any{r.Number, r.Time.Format(time.TimeOnly), r.Method + " " + address, r.Status, r.Bytes, time.Duration(r.Took).Round(time.Millisecond), r.Concurrent, r.Length, r.Fault}
		for _, name := range cmd.Show {
			cells = append(cells, strings.Join(r.Header.Values(name), ", "))
		}
		t.add(cells...)
	}
	a.printTable(t)
	return nil
}
