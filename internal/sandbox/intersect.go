package sandbox

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
)

// intersect says which rows the rows of a table bring together: those of a
// relationship of many to many.
type intersect struct {
	ends [2]intersectEnd
}

// intersectEnd is one side of a relationship of many to many.
type intersectEnd struct {
	entity string
	column string // of the intersect table, with the key of a row
}

// intersects are the intersect tables that the metadata tell of. Those of
// other relationships are there and have no address.
var intersects = []struct {
	name, schemaName, set, key string
	typeCode                   int
}{
	{"accountleads", "AccountLeads", "accountleadscollection", "accountleadid", 16},
	{"contactleads", "ContactLeads", "contactleadscollection", "contactleadid", 22},
	{"leadproduct", "LeadProduct", "leadproductcollection", "leadproductid", 27},
	{"teammembership", "TeamMembership", "teammemberships", "teammembershipid", 23},
}

// intersectRaw returns the metadata of the table behind a relationship.
func intersectRaw(name, schemaName, set, key string, typeCode int, relationship object, columns [2]string) object {
	number := func(n int) json.Number { return json.Number(strconv.Itoa(n)) }
	attributes := []any{}
	for i, column := range []string{key, columns[0], columns[1], "versionnumber"} {
		kind := "Uniqueidentifier"
		o := object{
			{"LogicalName", column},
			{"SchemaName", column},
			{"MetadataId", nameGUID("attribute", name, column).String()},
			{"ColumnNumber", number(i + 1)},
			{"IsValidForRead", true},
			{"IsValidODataAttribute", true},
			{"IsManaged", true},
			{"RequiredLevel", "SystemRequired"},
		}
		if column == "versionnumber" {
			kind = "BigInt"
			o = append(o, member{"@type", "BigIntAttributeMetadata"}, member{"MinValue", json.Number("-9223372036854775808")}, member{"MaxValue", json.Number("9223372036854775807")})
		}
		if column == key {
			o = append(o, member{"IsPrimaryId", true}, member{"IsValidForCreate", true})
		}
		attributes = append(attributes, append(o, member{"AttributeType", kind}, member{"AttributeTypeName", kind + "Type"}))
	}
	return object{
		{"LogicalName", name},
		{"SchemaName", schemaName},
		{"EntitySetName", set},
		{"PrimaryIdAttribute", key},
		{"MetadataId", nameGUID("entity", name).String()},
		{"OwnershipType", "None"},
		{"TableType", "Standard"},
		{"IntroducedVersion", "5.0.0.0"},
		{"ObjectTypeCode", number(typeCode)},
		{"ActivityTypeMask", number(0)},
		{"ChangeTrackingEnabled", true},
		{"IsManaged", true},
		{"IsIntersect", true},
		{"IsOptimisticConcurrencyEnabled", true},
		{"Attributes", attributes},
		{"ManyToOneRelationships", []any{}},
		{"OneToManyRelationships", []any{}},
		{"ManyToManyRelationships", []any{relationship}},
		{"Keys", []any{}},
		{"Privileges", []any{}},
	}
}

// intersectEnds returns the sides of a relationship. The columns are named
// after the keys of the tables; the metadata of some relationships have them
// the other way round.
func intersectEnds(c *catalog, relationship object) (ends [2]intersectEnd, ok bool) {
	for i, side := range []string{"Entity1", "Entity2"} {
		e := c.byName[relationship.text(side+"LogicalName")]
		if e == nil {
			return ends, false
		}
		ends[i] = intersectEnd{e.name, e.key.name}
	}
	if ends[0].column == ends[1].column {
		ends[1].column = "entityid"
	}
	return ends, true
}

// addIntersects adds the metadata of intersect tables.
func (c *catalog) addIntersects() error {
	for _, in := range intersects {
		for _, e := range slices.Clone(c.entities) {
			for _, v := range e.raw.list("ManyToManyRelationships") {
				r := v.(object)
				ends, ok := intersectEnds(c, r)
				if !ok || r.text("IntersectEntityName") != in.name || c.byName[in.name] != nil {
					continue
				}
				made, err := newEntity(intersectRaw(in.name, in.schemaName, in.set, in.key, in.typeCode, r, [2]string{ends[0].column, ends[1].column}), nil)
				if err != nil {
					return err
				}
				c.entities = append(c.entities, made)
				c.byName[made.name], c.bySet[made.set] = made, made
			}
		}
	}
	return nil
}

// addIntersects adds the rows of the relationships of many to many.
func (d *dataset) addIntersects() error {
	for _, e := range d.catalog.entities {
		for _, v := range e.raw.list("ManyToManyRelationships") {
			r := v.(object)
			name := r.text("SchemaName")
			ends, ok := intersectEnds(d.catalog, r)
			if !ok || d.links[name] != "" {
				continue
			}
			t := d.tables[r.text("IntersectEntityName")]
			if t == nil || !t.raw.bool("IsIntersect") {
				hidden, err := newEntity(intersectRaw(name, name, name, name+"id", 0, r, [2]string{ends[0].column, ends[1].column}), nil)
				if err != nil {
					return err
				}
				t = d.newTable(hidden, 0)
				d.tables[name] = t
			}
			t.link = &intersect{ends}
			d.links[name] = t.name
			if n, m := d.tables[ends[0].entity].rows, d.tables[ends[1].entity].rows; n > 0 {
				t.rows = m
				if n > 1 {
					t.rows = min(m+m/2, maxRows)
				}
			}
		}
	}
	return nil
}

// linked makes the columns of an intersect table: each row of the second table
// belongs to one of the first, and every second to one more.
func (t *table) linked(a *attribute) generator {
	first, second := t.data.tables[t.link.ends[0].entity], t.data.tables[t.link.ends[1].entity]
	n, m := first.rows, second.rows
	pair := func(row int) (int, int) {
		if row < m {
			return below(t.hash(row, 0xa5), n), row
		}
		of := (row - m) * 2
		one := below(t.hash(of, 0xa5), n)
		return (one + 1 + below(t.hash(of, 0xa6), n-1)) % n, of
	}
	switch a.name {
	case t.link.ends[0].column:
		return func(row int, v *value) {
			one, _ := pair(row)
			v.setGUID(first.madeID(one))
		}
	case t.link.ends[1].column:
		return func(row int, v *value) {
			_, other := pair(row)
			v.setGUID(second.madeID(other))
		}
	}
	return nil
}

// linkedRow returns the row at one end of a row of an intersect table, and
// false when it has gone.
func (t *table) linkedRow(row, end int) (int, bool) {
	of, a := t.data.table(t.link.ends[end].entity), t.byName[t.link.ends[end].column]
	if of == nil || a == nil {
		return 0, false
	}
	var v value
	t.value(row, a, &v)
	if v.kind != kindGUID {
		return 0, false
	}
	return of.row(v.id)
}

// between returns the cells that bring two rows together, by their keys.
func (c *collection) between(near, far guid) []cell {
	ids := [2]guid{}
	ids[c.near], ids[1-c.near] = near, far
	var cells []cell
	for i, end := range c.through.link.ends {
		v := value{kind: kindGUID, id: ids[i]}
		cells = append(cells, v.keep(c.through.byName[end.column]))
	}
	return cells
}

// associate brings two rows together, or parts them.
func (c *call) associate(tx *transaction, of *collection, t *table, row, far int, together bool) error {
	if err := c.mayChange(t, row, "Append"); err != nil {
		return err
	}
	if err := c.mayChange(of.table, far, "AppendTo"); err != nil {
		return err
	}
	cells := of.between(t.id(row), of.table.id(far))
	at, is := of.through.withCells(cells, -1)
	switch {
	case together && is:
		return &fault{http.StatusPreconditionFailed, codeDuplicateKey, "Cannot insert duplicate key."}
	case together:
		tx.insert(of.through, &rowState{id: tx.newID(), fresh: true, modified: c.s.now().Unix(), by: c.callerRow(), cells: (&rowState{}).with(cells)})
	case is:
		tx.remove(of.through, at, c.callerRow())
	}
	return nil
}
