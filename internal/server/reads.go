package server

import (
	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/extract"
	"github.com/crosswalk-data/crosswalk/internal/pipeline"
)

// What a run says about the records that it reads, as Run.Reads.
const (
	readsTracked  = "What changed since the last run, by change tracking."
	readsModified = "What changed since the last run, by the time of the last change. "
	readsTrying   = "What changed since the last run, by the time of the last change, and the keys of all records, to see whether Dynamics tracks changes now. So far: "
	readsAsking   = "What changed since the last run, by the time of the last change, unless Dynamics tracks changes now. So far: "
	readsAgain    = "What changed since the last run, by the time of the last change. From now on Dynamics tracks the changes."
	readsRefused  = " Crosswalk tries to have changes tracked again within a day, and in a run over everything."
	inOneStream   = "In one stream: "
)

// every says that all records are read, by the link of the page that comes
// next.
func every(link string) string {
	if extract.InRanges(link) {
		return "Every record, in several streams"
	}
	return "Every record"
}

// reads says which records a run reads, how it finds them and why. link is that
// of the next page. The source must have been made.
func reads(t *crosswalk.Task, link string) string {
	every := every(link)
	switch kind := t.Run.Scope.Kind; {
	case kind == crosswalk.ScopeRejects, kind == crosswalk.ScopeRange:
		return t.Run.Scope.Words() + "."
	case !incremental(t):
		return every + "."
	case kind == crosswalk.ScopeEverything:
		return every + ", as asked."
	case t.Position.Mark == "":
		return every + ", as this is the first run to end."
	case t.Position.Of != t.Checkpoint.Of:
		return every + ", as the job or its object has changed since its last run."
	case anotherUser(t):
		return every + ", as the connection signs in as another user since the last run."
	case t.Position.Way == crosswalk.WayTracked:
		return readsTracked
	case refusedBefore(t):
		return readsAsking + t.Position.Why
	case triesTracking(t):
		return readsTrying + t.Position.Why
	case t.Position.Way == crosswalk.WayEverything:
		return every + ". " + t.Position.Why
	default:
		return readsModified + refused(t, t.Position.Way, t.Position.Why)
	}
}

// refused adds to why changes are found in a way when it is tried again to have
// them tracked, if it was tried at all.
func refused(t *crosswalk.Task, way crosswalk.Way, why string) string {
	if way != crosswalk.WayModified || t.Checkpoint.Tried.IsZero() {
		return why
	}
	return why + readsRefused
}

// readsNow says what a run reads from a page on on which that has changed; ""
// when it has not. link is that of the next page.
func readsNow(t *crosswalk.Task, p pipeline.Changes, link string) string {
	switch {
	case p.Restart != "":
		return every(link) + ". " + p.Restart
	case p.Way == crosswalk.WayTracked && p.Fallback == "" && triesTracking(t) && !refusedBefore(t):
		return readsAgain
	case p.Fallback == "":
		return ""
	case p.Way == crosswalk.WayModified && since(t) != "":
		return readsModified + refused(t, p.Way, p.Fallback)
	case since(t) == "": // which has a reason of its own
		return reads(t, link) + " " + refused(t, p.Way, p.Fallback)
	default:
		return every(link) + ". " + p.Fallback
	}
}
