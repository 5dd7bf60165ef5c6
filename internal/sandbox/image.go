package sandbox

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
)

// unixTicks is the beginning of 1970 in ticks, of which a second has
// ticksPerSecond; they count from the year 1.
const (
	unixTicks      = 621_355_968_000_000_000
	ticksPerSecond = 10_000_000
)

// image reads what an image column is given: the picture in base64.
func (w *writing) image(a *attribute, text string, v *value) error {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return payloadFault(w.t, "Microsoft.OData.ODataException: Cannot convert the literal '"+text+"' to the expected type 'Edm.Binary'.")
	}
	if limit := a.raw.int("MaxSizeInKB"); limit > 0 && int64(len(data)) > limit<<10 {
		return &fault{http.StatusBadRequest, codeOutOfRange, fmt.Sprintf("The image in '%s' is larger than the %d KB it may have.", a.name, limit)}
	}
	v.setText(text)
	return nil
}

// images sets what goes with the images that are written into the row with
// that id: their own id, their address and their moment in ticks.
func (w *writing) images(row guid) {
	for _, a := range w.t.attributes {
		if a.typeName != "ImageType" || !w.has(a) {
			continue
		}
		var image, id, address, moment value
		if w.current(a, &image) {
			ticks := unixTicks + ticksPerSecond*w.c.s.now().Unix()
			stamp := strconv.FormatInt(ticks, 10)
			id.setGUID(nameGUID("image", row.String(), a.name, stamp, string(image.text)))
			address.setText("/Image/download.aspx?Entity=" + w.t.name + "&Attribute=" + a.name + "&Id=" + row.String() + "&Timestamp=" + stamp)
			moment.setInt(ticks)
		}
		for name, v := range map[string]*value{a.of: &id, a.name + "_url": &address, a.name + "_timestamp": &moment} {
			if b := w.t.byName[name]; b != nil {
				w.put(b, v)
			}
		}
	}
}
