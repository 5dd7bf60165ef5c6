package mapping

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/crosswalk-data/crosswalk"
)

// Added are labels to be added to the options of a field.
type Added struct {
	Object string // API name
	Field  string // API name
	Labels []string
}

// options are those of one dropdown or multi-select field. Labels that are not
// among them are treated as the job says; those to be added are kept until
// TakeOptions asks for them.
type options struct {
	object string
	field  *crosswalk.Field
	policy crosswalk.OptionPolicy // never ""
	// known holds the options by their own spelling and by that in lower case,
	// unless another option has that one. The map is replaced, never changed.
	known atomic.Pointer[map[string]string]

	mu    sync.Mutex
	count int
	added []string
}

// dropdown returns the options of a field that a row of the mapping fills.
func (p *Plan) dropdown(object string, f *crosswalk.Field, policy crosswalk.OptionPolicy) *options {
	o := &options{object: object, field: f, policy: policy, count: len(f.Options)}
	if o.policy == "" {
		o.policy = crosswalk.OptionAdd
	}
	known := make(map[string]string, 2*len(f.Options))
	for _, option := range f.Options {
		lower := strings.ToLower(option)
		if _, ok := known[lower]; !ok {
			known[lower] = option
		}
	}
	for _, option := range f.Options {
		known[option] = option
	}
	o.known.Store(&known)
	p.options = append(p.options, o)
	return o
}

// settle returns the option for which a label stands, which differs from it at most
// in case. It reports false when there is none and none can be added.
func (o *options) settle(label []byte) (string, bool) {
	if option, ok := (*o.known.Load())[string(label)]; ok {
		return option, true
	}
	lower := string(bytes.ToLower(label))
	if option, ok := (*o.known.Load())[lower]; ok {
		return option, true
	}
	if o.policy != crosswalk.OptionAdd || !o.possible(label) {
		return "", false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	known := *o.known.Load()
	if option, ok := known[lower]; ok {
		return option, true // another batch has added it meanwhile
	}
	if o.count == crosswalk.MaxOptions {
		return "", false
	}
	option := string(label)
	known = maps.Clone(known)
	known[lower], known[option] = option, option
	o.known.Store(&known)
	o.count++
	o.added = append(o.added, option)
	return option, true
}

// possible reports whether the label can be an option of the field at all.
func (o *options) possible(label []byte) bool {
	n, limit := utf8.RuneCount(label), o.field.MaxLength
	switch {
	case n == 0, n > crosswalk.MaxOptionLength, limit > 0 && n > limit:
	case bytes.ContainsFunc(label, func(r rune) bool { return r < ' ' || r == 0x7f || r == utf8.RuneError }):
	case o.field.Type == crosswalk.FieldMultiSelect && bytes.IndexByte(label, ';') >= 0:
	default:
		return true
	}
	return false
}

// whyNot continues "has no option" with why a label cannot become one.
func (o *options) whyNot() string {
	switch {
	case o.policy != crosswalk.OptionAdd:
		return ""
	case o.field.Type == crosswalk.FieldMultiSelect:
		return ", and it cannot be added: a field has at most 1,000 options, each of 1 to 250 characters without control characters and semicolons"
	default:
		return ", and it cannot be added: a field has at most 1,000 options, each of 1 to 250 characters without control characters"
	}
}

// choice is an option of the source that fills a dropdown: its label, and the text
// stored for it, nil until that has been settled.
type choice struct {
	label string
	text  atomic.Pointer[string]
}

func choices(labels map[int64]string) map[int64]*choice {
	m := make(map[int64]*choice, len(labels))
	for value, label := range labels {
		m[value] = &choice{label: label}
	}
	return m
}

// TakeOptions returns the labels that Apply has met since the last call and that are
// not among the options of their fields yet. Whoever writes the batch adds them to
// the objects first. Called after each Apply by the same goroutine, it returns what
// that batch needs: most of the time nothing.
func (p *Plan) TakeOptions() []Added {
	var all []Added
	for _, o := range p.options {
		o.mu.Lock()
		if len(o.added) > 0 {
			all = append(all, Added{Object: o.object, Field: o.field.Name, Labels: slices.Clone(o.added)})
			o.added = o.added[:0]
		}
		o.mu.Unlock()
	}
	return all
}
