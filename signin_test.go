package crosswalk_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
)

func TestSignInMode(t *testing.T) {
	t.Parallel()
	for mode, want := range map[crosswalk.SignInMode]bool{
		crosswalk.SignInUser: false, crosswalk.SignInSecret: true, crosswalk.SignInCertificate: true, "": false,
	} {
		if got := mode.Application(); got != want {
			t.Errorf("%q: application = %v, want %v", mode, got, want)
		}
	}
}

func TestExpiryWarning(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	in := func(d time.Duration) *time.Time { at := now.Add(d); return &at }
	const day = 24 * time.Hour
	for name, tt := range map[string]struct {
		mode        crosswalk.SignInMode
		secret      *time.Time
		certificate *time.Time
		want        string
	}{
		"nothing known":             {crosswalk.SignInSecret, nil, nil, ""},
		"far away":                  {crosswalk.SignInSecret, in(31 * day), nil, ""},
		"secret of an application":  {crosswalk.SignInSecret, in(12*day + time.Hour), nil, "The client secret expires on 2026-03-13, in 12 days."},
		"secret of a user sign-in":  {crosswalk.SignInUser, in(30 * day), nil, "The client secret expires on 2026-03-31, in 30 days."},
		"two days":                  {crosswalk.SignInUser, in(2*day + time.Minute), nil, "The client secret expires on 2026-03-03, in 2 days."},
		"a day and hours":           {crosswalk.SignInUser, in(47*time.Hour + 59*time.Minute), nil, "The client secret expires on 2026-03-03, in 1 day 23 hours."},
		"hours":                     {crosswalk.SignInUser, in(3*time.Hour + time.Minute), nil, "The client secret expires on 2026-03-01, in 3 hours."},
		"an hour":                   {crosswalk.SignInUser, in(90 * time.Minute), nil, "The client secret expires on 2026-03-01, in 1 hour."},
		"minutes":                   {crosswalk.SignInUser, in(time.Minute), nil, "The client secret expires on 2026-03-01, in less than an hour."},
		"over":                      {crosswalk.SignInUser, in(-time.Hour), nil, "The client secret expired on 2026-03-01."},
		"certificate":               {crosswalk.SignInCertificate, in(300 * day), in(5 * day), "The certificate expires on 2026-03-06, in 5 days."},
		"certificate over":          {crosswalk.SignInCertificate, nil, in(-day), "The certificate expired on 2026-02-28."},
		"certificate that is spare": {crosswalk.SignInSecret, nil, in(-day), ""},
		"secret that is spare":      {crosswalk.SignInCertificate, in(-day), in(90 * day), ""},
		"mode without certificate":  {crosswalk.SignInCertificate, nil, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := crosswalk.Connection{SignInMode: tt.mode, SecretExpiresAt: tt.secret}
			if tt.certificate != nil {
				c.Certificate = &crosswalk.Certificate{NotAfter: *tt.certificate}
			}
			w := c.ExpiryWarning(now)
			got := ""
			if w != nil {
				got = w.Message
				if stays := strings.Contains(w.Hint, "stays good"); !strings.Contains(w.Hint, "Make a new") || stays == strings.Contains(got, "expired") {
					t.Errorf("hint %q", w.Hint)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("warning (-want +got):\n%s", diff)
			}
		})
	}
}
