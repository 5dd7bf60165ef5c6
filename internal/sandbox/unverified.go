package sandbox

import (
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
)

// Unverified chooses among behaviours of Dataverse that neither a document nor
// a captured answer settles. The zero value is the likeliest one; a client has
// to work with all of them. Each field is a bool or the HTTP status of an
// answer, and its tag "on" says what it does when it is on.
type Unverified struct {
	// TokenAtEnd makes the delta link of a first walk mark the moment of the
	// last page rather than that of the first: changes between the two to
	// pages already read are in no delta.
	TokenAtEnd bool `json:"token_at_end,omitempty" on:"the delta link of a first walk marks the moment of its last page, not of its first"`
	// SwapDeltaLink puts the delta link before the rows of a first walk and
	// after those of a delta. Otherwise it is the other way round.
	SwapDeltaLink bool `json:"swap_delta_link,omitempty" on:"the delta link stands before the rows of a first walk and behind those of a delta"`
	// WholeDelta answers a delta in one page, whatever page size is asked.
	WholeDelta bool `json:"whole_delta,omitempty" on:"a delta is never cut into pages"`
	// RepeatChanges lists a row once for each of its changes in a delta.
	RepeatChanges bool `json:"repeat_changes,omitempty" on:"a row that changed twice is twice in a delta"`
	// KeepTokens lets delta tokens outlive a change of the table's metadata.
	KeepTokens bool `json:"keep_tokens,omitempty" on:"delta links outlive a change of the table's metadata"`
	// ExpiredStatus is the HTTP status of an expired delta token (code
	// 0x80044352); 0 means 400.
	ExpiredStatus int `json:"expired_status,omitempty" on:"HTTP status of an expired delta link"`
	// PlainTrackingErrors refuses tracking of a table that is not enabled with
	// the general code 0x80060888 rather than 0x80072491.
	PlainTrackingErrors bool `json:"plain_tracking_errors,omitempty" on:"0x80060888 for a table without change tracking, not 0x80072491"`
	// UntrackedStatus is the HTTP status with which tracking of a table that
	// is not enabled is refused; 0 means 400.
	UntrackedStatus int `json:"untracked_status,omitempty" on:"HTTP status for a table without change tracking"`
	// RestrictedArgument refuses $filter and the like on a tracked query with
	// 0x80040203 rather than 0x80060888.
	RestrictedArgument bool `json:"restricted_argument,omitempty" on:"0x80040203 for $filter and the like on a tracked query, not 0x80060888"`
	// RestrictedStatus is the HTTP status of that refusal; 0 means 400.
	RestrictedStatus int `json:"restricted_status,omitempty" on:"HTTP status for $filter and the like on a tracked query"`
	// UntrackedLinks writes istracking="False" into the links of a tracked
	// walk.
	UntrackedLinks bool `json:"untracked_links,omitempty" on:"istracking=\"False\" in the links of a tracked walk"`
	// StrictSelect binds a delta token to the $select it was given for: moved
	// to an address with another one it is refused. Otherwise the delta has
	// the columns of the new one.
	StrictSelect bool `json:"strict_select,omitempty" on:"a delta token is refused with another $select than it was given for"`
	// UntrackedElastic refuses tracking of elastic tables, whatever their
	// metadata say.
	UntrackedElastic bool `json:"untracked_elastic,omitempty" on:"elastic tables cannot be tracked, whatever their metadata say"`
	// ToldExpiry makes delta links report rows of elastic tables that expire as
	// deletions. Otherwise nothing reports them.
	ToldExpiry bool `json:"told_expiry,omitempty" on:"delta links tell of rows that expire as of deletions"`
	// ExpiringLinks lets links to the next page live for ten minutes.
	ExpiringLinks bool `json:"expiring_links,omitempty" on:"links to the next page live for ten minutes"`
	// PublishEndsLinks ends the links to the next page with every change of
	// the organization's metadata.
	PublishEndsLinks bool `json:"publish_ends_links,omitempty" on:"links to the next page end with a change of the metadata"`
	// ShortElasticPages makes pages of elastic tables hold 500 rows at most.
	ShortElasticPages bool `json:"short_elastic_pages,omitempty" on:"pages of elastic tables hold 500 rows at most, not 5,000"`
	// IgnoredTop ignores $top wherever a page size is asked for. Otherwise
	// only a $top that is larger than the page is ignored.
	IgnoredTop bool `json:"ignored_top,omitempty" on:"$top has no effect together with a page size, not even one that is smaller"`
	// RefuseIDRanges refuses gt, ge, lt and le on ids in $filter.
	RefuseIDRanges bool `json:"refuse_id_ranges,omitempty" on:"gt, ge, lt and le on ids are refused in $filter"`
	// TextKeyOrder has $orderby of the key sort by its text, where the order
	// without $orderby is SQL Server's.
	TextKeyOrder bool `json:"text_key_order,omitempty" on:"$orderby of a key sorts by its text, unlike the order without $orderby"`
	// UnsortedChoices gives the values of a multi-select choice in descending
	// order.
	UnsortedChoices bool `json:"unsorted_choices,omitempty" on:"the values of a multi-select choice do not ascend"`
	// PartyLists lets $select name party lists, such as to of email, without
	// an effect. Otherwise they are unknown properties.
	PartyLists bool `json:"party_lists,omitempty" on:"$select may name party lists, to no effect"`
	// EmptyUnauthorized leaves the body of a 401 empty.
	EmptyUnauthorized bool `json:"empty_unauthorized,omitempty" on:"a 401 has no body"`
}

// Switch describes a field of Unverified.
type Switch struct {
	Name   string // in JSON and on the command line
	Status bool   // an HTTP status, 0 or 400 to 599; otherwise on or off
	On     string // what it does when it is on, or what it is the status of
}

// Switches lists the fields of Unverified, in their order.
func Switches() []Switch {
	var list []Switch
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Unverified]()) {
		list = append(list, Switch{Name: switchName(f), Status: f.Type.Kind() == reflect.Int, On: f.Tag.Get("on")})
	}
	return list
}

func switchName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// Set chooses one behaviour by its name in JSON. The value is as a person types
// it: true, 1, off; a status is a number, 0 or 400 to 599. It fails for an
// unknown name and an invalid value, and then changes nothing.
func (u *Unverified) Set(name, value string) error {
	next := *u
	v := reflect.ValueOf(&next).Elem()
	for _, f := range reflect.VisibleFields(v.Type()) {
		if switchName(f) != name {
			continue
		}
		if err := set(v.FieldByIndex(f.Index), name, value); err != nil {
			return err
		}
		if err := next.check(); err != nil {
			return err
		}
		*u = next
		return nil
	}
	return fmt.Errorf("sandbox: there is no switch %q", name)
}

// set sets one field.
func set(field reflect.Value, name, value string) error {
	if field.Kind() == reflect.Int {
		n, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("sandbox: %s is a number, not %q", name, value)
		}
		field.SetInt(int64(n))
		return nil
	}
	switch strings.ToLower(value) {
	case "true", "1", "on", "yes":
		field.SetBool(true)
	case "false", "0", "off", "no":
		field.SetBool(false)
	default:
		return fmt.Errorf("sandbox: %s is true or false, not %q", name, value)
	}
	return nil
}

// check says what no answer can have.
func (u *Unverified) check() error {
	v := reflect.ValueOf(*u)
	for _, f := range reflect.VisibleFields(v.Type()) {
		if f.Type.Kind() != reflect.Int {
			continue
		}
		if n := v.FieldByIndex(f.Index).Int(); n != 0 && (n < 400 || n > 599) {
			return fmt.Errorf("sandbox: %s is 0 or 400 to 599, not %d", switchName(f), n)
		}
	}
	return nil
}

// statusOr400 returns the status that a switch chooses.
func statusOr400(chosen int) int {
	if chosen == 0 {
		return http.StatusBadRequest
	}
	return chosen
}

// SetUnverified changes the behaviours at once.
func (s *Sandbox) SetUnverified(u Unverified) { s.unverified.Store(&u) }

// Unverified returns the chosen behaviours.
func (s *Sandbox) Unverified() Unverified { return *s.unverified.Load() }
