package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/crosswalk-data/crosswalk"
)

// maxEmptyPages is how many pages in a row may show no record. Dataverse
// sends empty pages that are not the last, but not without end.
const maxEmptyPages = 1000

// ErrPagingLoop is the cause of the error of a run whose pages lead back to a
// page already read, or on without end.
var ErrPagingLoop = errors.New("the pages do not end")

// loopDetector notices pages that lead back to one already read. Within a
// slice it knows all of them. Beyond that the trail knows one, which is
// replaced each time the number of pages has doubled: sooner or later it lies
// on the circle, however large that is and however few pages a slice reads
// (Brent's algorithm).
type loopDetector struct {
	seen  map[string]bool // links by their hashes
	trail crosswalk.Trail
}

func newLoopDetector(at crosswalk.Checkpoint) *loopDetector {
	d := &loopDetector{seen: map[string]bool{hashOf(at.Link): true}, trail: at.Trail}
	if at.Link == "" {
		d.trail = crosswalk.Trail{}
	}
	return d
}

// hashOf returns what tells links apart: they are long.
func hashOf(link string) string {
	sum := sha256.Sum256([]byte(link))
	return hex.EncodeToString(sum[:16])
}

// check looks at page n, which showed so many rows.
func (d *loopDetector) check(n int64, p PageInfo, rows int) error {
	says := p.Changes
	if says.Recount { // what was read is read once more, and links may come again
		d.trail = crosswalk.Trail{}
	}
	if d.trail.Empty++; rows+p.Records+len(says.Deleted)+len(says.Present) > 0 {
		d.trail.Empty = 0
	}
	hash := hashOf(p.Next)
	switch {
	case p.Next == "":
		return nil
	case d.seen[hash], d.trail.Link == hash:
		return crosswalk.Errorf(crosswalk.CodeInvalid,
			"The pages go round in circles: page %d leads back to one already read (link %.12s).", n, hash).
			WithHint("Nothing is lost: what was read is stored. Run the job again; if it happens again, the server's paging is at fault.").
			WithCause(ErrPagingLoop)
	case d.trail.Empty >= maxEmptyPages:
		return crosswalk.Errorf(crosswalk.CodeInvalid,
			"The last %d pages were empty and there is still another one after page %d (link %.12s).", d.trail.Empty, n, hash).
			WithHint("Run the job again; if it happens again, the server's paging is at fault.").
			WithCause(ErrPagingLoop)
	}
	d.seen[hash] = true
	if n >= 2*d.trail.Page {
		d.trail.Link, d.trail.Page = hash, n
	}
	return nil
}
