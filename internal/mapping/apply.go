package mapping

import (
	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// Apply maps every row of src, a batch as made by NewSourceBatch. Each
// becomes either a row that it adds to dst, a batch as made by NewBatch, or a
// reject that it appends to rejects, for the first field that could not be
// filled. A record with a value of another type than its attribute is
// rejected as malformed. SourceID, Field, Code, Message, Value and Record of the rejects are
// filled. Records that the plan's own filter leaves out are counted as skipped.
func (p *Plan) Apply(src, dst *column.Batch, rejects []crosswalk.Reject) (_ []crosswalk.Reject, skipped int64) {
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
			skipped++
			continue
		}
		if failed, code := p.applyRow(src, dst, row); code != "" {
			dst.Truncate(dst.Rows())
			rejects = append(rejects, p.reject(src, row, failed, code))
			continue
		}
		appendSourceID(&dst.Columns[0], key, row)
		dst.EndRow()
	}
	return rejects, skipped
}

// applyRow appends one row's values to dst; on failure it returns the step
// that failed, nil for the key, and the reason.
func (p *Plan) applyRow(src, dst *column.Batch, row int) (*step, crosswalk.RejectCode) {
	if !src.Columns[0].Valid[row] {
		return nil, crosswalk.RejectMalformed
	}
	for i := range p.steps {
		s := &p.steps[i]
		d := &dst.Columns[s.target]
		start := len(d.Data)
		if code := s.convert(&src.Columns[s.source], row, d); code != "" {
			d.Data = d.Data[:start]
			return s, code
		}
		last := len(d.Valid) - 1
		empty := !d.Valid[last] || d.Kind == column.Text && len(d.Data) == start
		switch {
		case empty && s.identifier:
			return s, crosswalk.RejectIdentifierEmpty
		case empty && s.field.Required:
			return s, crosswalk.RejectRequiredEmpty
		}
	}
	return nil, ""
}

func appendSourceID(d, key *column.Column, row int) {
	if key.Kind == column.GUID {
		d.Data = crosswalk.GSID(key.GUIDs[row]).AppendText36(d.Data)
	} else {
		d.Data = appendValue(d.Data, key, row)
	}
	d.EndBytes()
}
