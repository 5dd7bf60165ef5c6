package crosswalk

// RejectLimit is how many records a run may reject before it fails: when most
// of what it reads cannot be stored, the job is wrong and not the records. The
// zero value sets no limit.
type RejectLimit struct {
	Count   int64 `json:"count,omitempty" minimum:"0" doc:"A run that rejects more records than this fails; 0 sets no limit"`
	Percent int   `json:"percent,omitempty" minimum:"0" maximum:"100" doc:"A run that rejects more than this share of the records it reads fails, once it has read 1,000 or all; 0 sets no limit"`
}

// enoughForPercent is how many records a run must have read before their share
// of rejects says something about all.
const enoughForPercent = 1000

// Exceeded reports whether so many rejected of the records read are too many.
// ended means that no more records follow.
func (l RejectLimit) Exceeded(rejected, read int64, ended bool) bool {
	return l.Count > 0 && rejected > l.Count ||
		l.Percent > 0 && (ended || read >= enoughForPercent) && rejected*100 > read*int64(l.Percent)
}

// check notes what is wrong with the limit.
func (l RejectLimit) check(p *Problems) {
	if l.Count < 0 {
		p.Add("reject_limit.count", "The limit is a number of records, or 0 for none.")
	}
	if l.Percent < 0 || l.Percent > 100 {
		p.Add("reject_limit.percent", "The limit is a percentage from 0 to 100; 0 sets none.")
	}
}
