package extract

// cacheBytes bounds what a source remembers of related rows.
const cacheBytes = 16 << 20

// entryOverhead is about what an entry takes beside its row.
const entryOverhead = 160

// rowKey is a row that a lookup leads to: the relation's place in the plan,
// which decides about its columns, and the row's key.
type rowKey struct {
	relation int
	id       [16]byte
}

// entry is a row in the order of use.
type entry struct {
	key          rowKey
	row          row
	newer, older *entry
}

// cache keeps the rows used last, up to a number of bytes. The zero value
// with a limit is empty and ready.
type cache struct {
	limit          int
	used           int
	entries        map[rowKey]*entry
	newest, oldest *entry
}

// find returns a row and whether it is known. A row that is known not to be
// there is nil.
func (c *cache) find(key rowKey) (row, bool) {
	e := c.entries[key]
	if e == nil {
		return nil, false
	}
	c.unlink(e)
	c.link(e)
	return e.row, true
}

// add remembers a row that is not known yet, and forgets those that were used
// longest ago when there is no room.
func (c *cache) add(key rowKey, r row) {
	if c.entries == nil {
		c.entries = map[rowKey]*entry{}
	}
	size := entryOverhead + len(r)
	if size > c.limit {
		return
	}
	e := &entry{key: key, row: r}
	c.entries[key] = e
	c.link(e)
	for c.used += size; c.used > c.limit; {
		last := c.oldest
		c.unlink(last)
		delete(c.entries, last.key)
		c.used -= entryOverhead + len(last.row)
	}
}

func (c *cache) link(e *entry) {
	e.older = c.newest
	if c.newest != nil {
		c.newest.newer = e
	} else {
		c.oldest = e
	}
	c.newest = e
}

func (c *cache) unlink(e *entry) {
	if e.newer != nil {
		e.newer.older = e.older
	} else {
		c.newest = e.older
	}
	if e.older != nil {
		e.older.newer = e.newer
	} else {
		c.oldest = e.newer
	}
	e.newer, e.older = nil, nil
}
