package odata

// SetWindow makes the decoders of c look at n bytes at a time, so that tests
// can cut pages at every place.
func (c *Columns) SetWindow(n int) {
	c.free.New = func() any { return newDecoder(c, n) }
}
