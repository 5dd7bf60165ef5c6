package table

import (
	"database/sql/driver"
	"fmt"
	"strings"

	"modernc.org/sqlite"
)

// SQLite has no exact decimals: the table keeps their texts, and this function
// makes texts of them that compare as the numbers do. It is there on every
// connection that is opened after this package was initialized.
func init() {
	sqlite.MustRegisterDeterministicScalarFunction("cw_number_key", 1, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		if s, ok := args[0].(string); ok {
			return numberKey(s), nil
		}
		return args[0], nil
	})
}

// numberKey returns a text for a number in plain notation; the texts of two
// numbers compare, byte by byte, as the numbers do.
func numberKey(number string) string {
	digits, negative := strings.CutPrefix(number, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	whole, fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	key := fmt.Sprintf("%04d%s", len(whole), whole+fraction)
	if !negative || whole+fraction == "" {
		return "1" + key
	}
	// Of negative numbers the one with the larger digits is the smaller, and
	// the one with more of them.
	return "0" + strings.Map(func(r rune) rune { return '0' + '9' - r }, key) + "~"
}
