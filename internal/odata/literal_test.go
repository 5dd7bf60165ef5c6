package odata_test

import (
	"net/url"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/crosswalk-data/crosswalk/internal/odata"
)

func TestLiterals(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 2, 29, 23, 59, 1, 120_000_000, time.FixedZone("", -3600))
	tests := []struct{ got, want string }{
		{string(odata.AppendGUID(nil, [16]byte{0x70, 0xbf, 0x4d, 0x48, 0x34, 0xcb, 0xed, 0x11, 0xb5, 0x96, 0, 0x22, 0x48, 0x1d, 0x68, 0xcd})), "70bf4d48-34cb-ed11-b596-0022481d68cd"},
		{string(odata.AppendTime(nil, at)), "2024-03-01T00:59:01.12Z"},
		{string(odata.AppendTime(nil, at.Truncate(time.Second))), "2024-03-01T00:59:01Z"},
		{string(odata.AppendQuery(nil, "name eq 'A&B + 50%#' or contains(x,'é')")), "name%20eq%20'A%26B%20%2B%2050%25%23'%20or%20contains(x,'%C3%A9')"},
		{string(odata.AppendQuery(nil, "n.In(PropertyName='a/b?c')")), "n.In(PropertyName='a%2Fb%3Fc')"},
		{string(odata.AppendQuery(nil, "a/b eq 'O''N/A' or c/d/e eq null")), "a/b%20eq%20'O''N%2FA'%20or%20c/d/e%20eq%20null"},
	}
	for _, test := range tests {
		if test.got != test.want {
			t.Errorf("%s, want %s", test.got, test.want)
		}
	}
}

// TestAppendQuery checks that any text survives the query of an address.
func TestAppendQuery(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		u, err := url.Parse("https://x/y?$filter=" + string(odata.AppendQuery(nil, s)) + "&z=1")
		if err != nil {
			t.Fatal(err)
		}
		if got := u.Query(); got.Get("$filter") != s || got.Get("z") != "1" {
			t.Errorf("%q came back as %q", s, got)
		}
	})
}
