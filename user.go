package crosswalk

import (
	"slices"
	"time"
	"unicode/utf8"
)

// Role says what a user may do: all that the roles before it may, and more.
type Role string

// The roles, from the least to the most powerful.
const (
	RoleViewer     Role = "viewer"              // lists, activity, data
	RoleOperator   Role = "operator"            // run and cancel
	RoleAdmin      Role = "integration_admin"   // connections, jobs, objects
	RoleSuperAdmin Role = "super_administrator" // users, roles, secrets
)

var roles = []Role{RoleViewer, RoleOperator, RoleAdmin, RoleSuperAdmin}

// Allows reports whether r may do what requires role. An unknown role allows
// nothing.
func (r Role) Allows(role Role) bool {
	have, need := slices.Index(roles, r), slices.Index(roles, role)
	return need >= 0 && have >= need
}

// User is a person who can sign in to Crosswalk, or the command line's token
// acting as one.
type User struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Email     string    `json:"email"`
	Role      Role      `json:"role" enum:"viewer,operator,integration_admin,super_administrator"`
	CreatedAt time.Time `json:"created_at"`
}

// ValidatePassword notes at field what is wrong with a new password.
func ValidatePassword(p *Problems, field, password string) {
	switch n := utf8.RuneCountInString(password); {
	case n < 10:
		p.Add(field, "The password needs at least 10 characters.")
	case n > 200:
		p.Add(field, "The password has more than 200 characters.")
	}
}
