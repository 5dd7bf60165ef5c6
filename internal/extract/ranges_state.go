package extract

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
)

// rangesPrefix is how the links of Ranges begin. Those of pages begin with a
// scheme, those of changes with a brace.
const rangesPrefix = "ranges:"

// RangesBegin is the link of the first page.
const RangesBegin = rangesPrefix + "{}"

// InRanges reports whether a link stands for a place of a Ranges.
func InRanges(link string) bool { return strings.HasPrefix(link, rangesPrefix) }

// OnlyKeys reports whether a link stands for a place of a Ranges behind which
// nothing comes but the walk over keys beside it, and what changed meanwhile.
func OnlyKeys(link string) bool {
	if !InRanges(link) {
		return false
	}
	at, err := parseRanges(link)
	return err == nil && at.Ended && len(at.Open) == 0 && dataverse.ChangeQuery{}.Walking(at.Beside)
}

// rangesState is where a read by ranges stands between two pages.
type rangesState struct {
	// Size is how many records a range has.
	Size int `json:"size,omitempty"`
	// Begun means that the first page is behind.
	Begun bool `json:"begun,omitempty"`
	// Last is the key up to which there are ranges, Ended that they hold all
	// records.
	Last  string `json:"last,omitempty"`
	Ended bool   `json:"ended,omitempty"`
	// Open are the ranges that are not read and counted, in the order in
	// which they were found.
	Open []*openRange `json:"open,omitempty"`
	// Closed is how many are, and Rows how many records they had.
	Closed int   `json:"closed,omitempty"`
	Rows   int64 `json:"rows,omitempty"`
	// Beside is the link of the next page of what stands beside.
	Beside string `json:"beside,omitempty"`
}

// openRange is a range that is being read.
type openRange struct {
	dataverse.KeyRange
	Link string `json:"link,omitempty"` // of the next page; empty before the first
	Rows int64  `json:"rows,omitempty"` // that have come
	Read bool   `json:"read,omitempty"` // all pages have come
	// Restarts is how often it went back to its first page because its links
	// ended or led back.
	Restarts int `json:"restarts,omitempty"`
	// Rereads is how often it was read again because it brought another number
	// of records than Counted, the one counted then.
	Rereads int   `json:"rereads,omitempty"`
	Counted int64 `json:"counted,omitempty"`

	busy bool                       // a request for it is under way
	seen map[[sha256.Size]byte]bool // links that were followed here
}

// restart goes back to the first page.
func (r *openRange) restart() { r.Link, r.Rows, r.Read, r.seen = "", 0, false, nil }

// follow goes on to the page of a link. It returns false when that leads back
// to a page already read.
func (r *openRange) follow(link string) bool {
	hash := sha256.Sum256([]byte(link))
	if r.seen[hash] {
		return false
	}
	if r.seen == nil {
		r.seen = map[[sha256.Size]byte]bool{}
	}
	r.seen[hash] = true
	r.Link = link
	return true
}

// closeRange takes a range away that has been read.
func (at *rangesState) closeRange(r *openRange) {
	at.Open = slices.DeleteFunc(at.Open, func(o *openRange) bool { return o == r })
	at.Closed++
	at.Rows += r.Rows
}

// text returns the state as a link.
func (at *rangesState) text() string {
	b, err := json.Marshal(at)
	if err != nil {
		panic("extract: a state that cannot be encoded: " + err.Error()) // of texts and numbers
	}
	return rangesPrefix + string(b)
}

// parseRanges reads a link.
func parseRanges(link string) (at rangesState, err error) {
	text, ok := strings.CutPrefix(link, rangesPrefix)
	if !ok || json.Unmarshal([]byte(text), &at) != nil || slices.Contains(at.Open, nil) {
		return rangesState{}, crosswalk.Errorf(crosswalk.CodeInvalid, "%.100q is no place to go on reading ranges from.", link).
			WithHint("Run the job again from the start.")
	}
	return at, nil
}
