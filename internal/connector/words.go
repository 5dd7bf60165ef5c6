package connector

import (
	"errors"

	"github.com/crosswalk-data/crosswalk"
)

// Words returns what an error means to a person and what to do about it. The text of
// an internal error stays in the log.
func Words(err error) (message, hint string) {
	var e *crosswalk.Error
	if errors.As(err, &e) {
		return e.Message, e.Hint
	}
	return "Something went wrong inside Crosswalk.", "The log of the server holds the details."
}
