package main

import (
	"strings"
	"testing"

	"github.com/crosswalk-data/crosswalk"
)

func TestConfirm(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		yes, asks, json bool
		answer          string
		code            crosswalk.Code
		asked           bool
	}{
		"--yes":                {yes: true},
		"--yes at a terminal":  {yes: true, asks: true},
		"nobody to ask":        {answer: "yes\n", code: crosswalk.CodeConflict},
		"--json never asks":    {asks: true, json: true, answer: "yes\n", code: crosswalk.CodeConflict},
		"answered yes":         {asks: true, answer: " Yes\n", asked: true},
		"answered with y":      {asks: true, answer: "y\n", code: crosswalk.CodeConflict, asked: true},
		"answered no":          {asks: true, answer: "no\n", code: crosswalk.CodeConflict, asked: true},
		"the terminal is gone": {asks: true, answer: "yes", code: crosswalk.CodeConflict, asked: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stderr strings.Builder
			a := &app{stdin: strings.NewReader(tt.answer), stderr: &stderr, asks: tt.asks, json: tt.json}
			err := (&confirmation{Yes: tt.yes}).confirm(a, "the job \x1b[2JJ")
			if got := crosswalk.ErrorCode(err); got != tt.code {
				t.Errorf("error %v, want code %q", err, tt.code)
			}
			want := ""
			if tt.asked {
				want = "Delete the job  [2JJ? Type yes: "
			}
			if stderr.String() != want {
				t.Errorf("asked %q, want %q", stderr.String(), want)
			}
		})
	}
}
