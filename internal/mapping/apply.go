package mapping

import (
	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// Apply maps every row of src, a batch made by NewSourceBatch. Each becomes either
// a row added to dst, a batch made by NewBatch, or a reject appended to rejects,
// for the first field that could not be filled. A record with a value of a type
// other than its attribute's is rejected as malformed. Rejects have their
// SourceID, Field, Code, Message, Value and Record set. Records that the plan's own
// filter leaves out become neither; their rows in src are returned as skipped.
func (p *Plan) Apply(src, dst *column.Batch, rejects []crosswalk.Reject) (_ []crosswalk.Reject, skipped []int) {
	key := &src.Columns[0]
	bad := src.Bad
	for row := range src.Rows() {
		if len(bad) > 0 && bad[0].Row == row {
			rejects = append(rejects, p.malformed(src, bad[0]))
			for len(bad) > 0 && bad[0].Row == row {
				bad = bad[1:]
			}
			continue
		}
		if p.keep != nil && !p.keep(src, row) {
			skipped = append(skipped, row)
			continue
		}
		if f := p.applyRow(src, dst, row); f.code != "" {
			dst.Truncate(dst.Rows())
			rejects = append(rejects, p.reject(src, row, f))
			continue
		}
		appendSourceID(&dst.Columns[0], key, row)
		if p.Modified >= 0 {
			d, m := &dst.Columns[len(dst.Columns)-1], &src.Columns[p.Modified]
			d.Valid, d.Ints = append(d.Valid, m.Valid[row]), append(d.Ints, m.Ints[row])
		}
		dst.EndRow()
	}
	return rejects, skipped
}

// applyRow appends one row's values to dst, or says why it cannot.
func (p *Plan) applyRow(src, dst *column.Batch, row int) refusal {
	if !src.Columns[0].Valid[row] {
		return refusal{code: crosswalk.RejectMalformed}
	}
	for i := range p.steps {
		s := &p.steps[i]
		d := &dst.Columns[s.target]
		start := len(d.Data)
		if s.more != nil {
			if f := s.fill(src, row, d); f.code != "" {
				d.Data = d.Data[:start]
				return f
			}
		} else if code := s.convert(&src.Columns[s.source], row, d); code != "" {
			d.Data = d.Data[:start]
			return refusal{step: s, code: code}
		}
		if s.empty != "" && isEmpty(d, len(d.Valid)-1, start) {
			return refusal{step: s, code: s.empty}
		}
	}
	for i := range p.needs {
		if n := &p.needs[i]; !n.met(dst) {
			return refusal{step: n.step, code: n.step.empty}
		}
	}
	return refusal{}
}

// met reports whether the incomplete row of the batch has a value by which to find
// the lookup's row.
func (n *need) met(dst *column.Batch) bool {
	for _, i := range n.columns {
		if valid := dst.Columns[i].Valid; valid[len(valid)-1] {
			return true
		}
	}
	return false
}

func appendSourceID(d, key *column.Column, row int) {
	if key.Kind == column.GUID {
		d.Data = crosswalk.GSID(key.GUIDs[row]).AppendText36(d.Data)
	} else {
		d.Data = appendValue(d.Data, key, row)
	}
	d.EndBytes()
}
