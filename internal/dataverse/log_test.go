package dataverse_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// TestLog checks that the log tells of requests and retries, and neither
// tokens, nor filters, nor data.
func TestLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		n := 0
		c := dataverse.New(dataverse.Config{
			BaseURL: "https://contoso.crm.dynamics.com", Token: new(tokens).token,
			Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			Transport: answers(func(r *http.Request) (*http.Response, error) {
				if n++; n == 1 {
					return answer(r, 503, http.Header{"Retry-After": {"7"}}, "busy"), nil
				}
				return answer(r, 200, http.Header{"X-Ms-Service-Request-Id": {"srv-77"}}, onePage), nil
			}),
		})
		q := dataverse.Query{EntitySet: "accounts", Filter: "name eq 'Private'"}
		if _, err := c.Page(t.Context(), q, "", odata.NewColumns(accountSpecs), column.NewBatch(accountSpecs)); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"path=/api/data/v9.2/accounts", "status=503", "sent=", "retry_after=7", "tried again", "status=200", "service_request_id=srv-77"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("no %s in\n%s", want, &log)
			}
		}
		for _, secret := range []string{"token-1", "Private", "Contoso"} {
			if strings.Contains(log.String(), secret) {
				t.Errorf("%s in\n%s", secret, &log)
			}
		}
	})
}
