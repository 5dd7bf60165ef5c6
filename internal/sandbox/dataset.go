package sandbox

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"sort"
)

// dataset is the rows of all tables at one moment. Generated rows are not
// stored: each value is computed from the seed, the table and the row's
// number when it is asked for. What was written since lies over them.
type dataset struct {
	seed    uint64
	org     guid
	awkward bool
	nodes   [maxNodes]uint64 // the servers that made the ids, ascending
	tables  map[string]*table
	links   map[string]string // intersect tables by the name of their relationship
	filters []messageFilter   // rows of sdkmessagefilter
	catalog *catalog          // their metadata

	clock     int64 // version of the last write
	deletions bool  // some row was deleted
	expires   int64 // when the next row vanishes, 0 for never
}

// table is the rows of one entity, in the order of their keys.
type table struct {
	*entity
	data    *dataset
	number  int          // among the tables
	rows    int          // generated ones
	over    *overlay     // what was written, nil for nothing
	hidden  []*attribute // columns that read as null
	tracks  int64        // delta tokens of earlier versions are of no use
	salt    uint64
	textual bool        // an elastic or virtual table: keys in the order of their text
	link    *intersect  // what its rows bring together, nil for all but intersect tables
	pointer bool        // activitypointer, which shows the rows of the activities
	keys    *keyIndex   // finds rows by alternate keys
	columns []generator // by attribute.index, nil for what rows do not hold; reading goes through value or column

	versionColumn  *attribute
	modifiedColumn *attribute
	modifierColumn *attribute
}

// generator computes the value of one column in one row.
type generator func(row int, v *value)

// numbered lists the tables that generate rows: the place of each makes its
// keys differ from those of the others, so that places never change.
var numbered = []string{
	"account", "businessunit", "contact", "incident", "opportunity", "systemuser", "team", "transactioncurrency", "lead",
	"appointment", "email", "phonecall", "task", "activityparty",
}

// maxRows is how many rows a table can have: the ids of more would run out of
// their time stamps.
const maxRows = 1 << 30

func newDataset(c *catalog, cfg Config) (*dataset, error) {
	d := &dataset{
		seed:    cfg.Seed,
		org:     randomGUID(cfg.Seed, "organization"),
		awkward: cfg.Awkward,
		tables:  map[string]*table{},
		links:   map[string]string{},
		catalog: c,
		clock:   firstVersion,
	}
	d.makeNodes()
	d.filters = messageFilters(c)
	counts := map[string]int{
		"systemuser":          max(1, rows(cfg.Users, DefaultUsers)),
		"account":             rows(cfg.Accounts, DefaultAccounts),
		"contact":             rows(cfg.Contacts, DefaultContacts),
		"opportunity":         rows(cfg.Opportunities, DefaultOpportunities),
		"incident":            rows(cfg.Incidents, DefaultIncidents),
		"lead":                rows(cfg.Leads, DefaultLeads),
		"businessunit":        len(unitNames),
		"team":                len(unitNames) + len(teamNames),
		"transactioncurrency": len(currencies),
		"sdkmessage":          len(messages),
		"sdkmessagefilter":    len(d.filters),
		"new_telemetry":       600,
		"new_erporder":        150,
	}
	for _, name := range activities {
		counts[name] = rows(cfg.Activities, DefaultActivities) / len(activities)
		counts["activitypointer"] += counts[name]
		if name != "task" {
			counts["activityparty"] += 2 * counts[name]
		}
	}
	for _, e := range c.entities {
		n := counts[e.name]
		if n > maxRows {
			return nil, fmt.Errorf("%s: %d rows: %w", e.name, n, errTooManyRows)
		}
		d.tables[e.name] = d.newTable(e, n)
	}
	if err := d.addIntersects(); err != nil {
		return nil, err
	}
	for _, t := range d.tables {
		t.columns = make([]generator, len(t.attributes))
		for _, a := range t.attributes {
			if a.readable {
				t.columns[a.index] = t.generator(a)
			}
		}
	}
	return d, nil
}

// newTable returns the table of an entity with a number of generated rows.
func (d *dataset) newTable(e *entity, rows int) *table {
	// The tables without rows of their own share the last number.
	number := slices.Index(numbered, e.name)
	if number < 0 {
		number = len(numbered)
	}
	return &table{
		entity: e, data: d, number: number, rows: rows, keys: &keyIndex{}, salt: mix(d.seed ^ hashString(e.name)),
		pointer: e.name == "activitypointer", textual: e.raw.text("TableType") != "Standard",
		versionColumn: e.byName["versionnumber"], modifiedColumn: e.byName["modifiedon"], modifierColumn: e.byName["modifiedby"],
	}
}

// table returns the rows of an entity, nil when there is none.
func (d *dataset) table(entity string) *table { return d.tables[entity] }

// hash returns random bits that belong to a row and a purpose.
func (t *table) hash(row int, salt uint64) uint64 {
	return mix(t.salt ^ salt ^ uint64(row)*0xd1342543de82ef95)
}

// below reduces random bits to 0..n-1.
func below(h uint64, n int) int {
	hi, _ := bits.Mul64(h, uint64(n))
	return int(hi)
}

// percent is true for p of 100 hashes.
func percent(h uint64, p int) bool { return below(h, 100) < p }

// Keys look like those Dataverse makes: a time stamp with its groups turned
// round and a tail that belongs to the server, so that they cluster and, in
// SQL Server's order, ascend with time. Row i's key depends on nothing but
// the seed, the table and i.
const (
	maxNodes  = 40
	blockBits = 12                 // rows of the first server
	firstTime = 136708992000000000 // 2016-01-01 in 100 ns since 1582
	timeStep  = 100_000_000        // 10 s between rows
	tableStep = timeStep / 16      // so that no two tables share a key
)

func (d *dataset) makeNodes() {
	vendors := []uint64{0x000d3a, 0x002248, 0x6045bd, 0x7c1e52, 0xe8ebd3}
	for k := range d.nodes {
		low := mix(d.seed^hashString("node")+uint64(k)) & 0x1ffff
		d.nodes[k] = vendors[k/8]<<24 | uint64(k%8)<<20 | low
	}
}

// madeID returns the key of a generated row.
func (t *table) madeID(row int) guid {
	if t.pointer {
		of, row := t.shown(row)
		return of.id(row)
	}
	if t.textual {
		return t.textualID(row)
	}
	k := bits.Len(uint(row >> blockBits))
	jitter := t.hash(row, 0x1d) % tableStep
	stamp := firstTime + uint64(row)*timeStep + uint64(t.number)*tableStep + jitter
	return stampGUID(stamp, uint16(0xa811+k*0x101), t.data.nodes[k])
}

// stampGUID makes a GUID of a time stamp, a clock sequence and a server.
func stampGUID(stamp uint64, sequence uint16, node uint64) guid {
	var g guid
	binary.LittleEndian.PutUint32(g[0:], uint32(stamp))
	binary.LittleEndian.PutUint16(g[4:], uint16(stamp>>32))
	binary.LittleEndian.PutUint16(g[6:], uint16(stamp>>48)&0x0fff|0x1000)
	binary.BigEndian.PutUint16(g[8:], sequence)
	binary.BigEndian.PutUint16(g[10:], uint16(node>>32))
	binary.BigEndian.PutUint32(g[12:], uint32(node))
	return g
}

// madeRow returns the number of the generated row with that key.
func (t *table) madeRow(id guid) (int, bool) {
	if t.pointer {
		return t.showing(id)
	}
	if t.textual {
		row := t.searchMade(id)
		return row, row < t.rows && t.madeID(row) == id
	}
	stamp := uint64(binary.LittleEndian.Uint32(id[0:])) | uint64(binary.LittleEndian.Uint16(id[4:]))<<32 |
		uint64(binary.LittleEndian.Uint16(id[6:])&0x0fff)<<48
	if stamp < firstTime {
		return 0, false
	}
	n := (stamp - firstTime) / timeStep
	if n >= uint64(t.rows) || t.madeID(int(n)) != id {
		return 0, false
	}
	return int(n), true
}

// searchMade returns the number of the first generated row whose key is not
// before id.
func (t *table) searchMade(id guid) int {
	return sort.Search(t.rows, func(i int) bool { return t.order(t.madeID(i), id) >= 0 })
}

// madeVersion returns the row version of a generated row. Some are larger
// than a float64 holds exactly.
func (t *table) madeVersion(row int) int64 {
	if t.pointer {
		of, row := t.shown(row)
		return of.version(row)
	}
	h := t.hash(row, 0x7e)
	if h%50 == 11 {
		return 1<<53 + 1 + 2*int64(row)
	}
	return 4_000_000 + 3*int64(row) + int64(h>>62)
}
