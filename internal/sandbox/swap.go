package sandbox

import "errors"

// active returns the organization behind the address.
func (s *Sandbox) active() *Sandbox {
	if other := s.swapped.Load(); other != nil {
		return other
	}
	return s
}

// SwapOrganization puts another organization behind the address, with other
// rows and ids, as after a copy or a restore; with false the first one comes
// back as it was. Tokens stay valid, and limits, roles, switches, faults and
// the life of delta links stay as they are. Methods that read or change rows
// and metadata always refer to the first organization, State and the control
// API to the one behind the address.
func (s *Sandbox) SwapOrganization(other bool) error {
	if !other {
		s.swapped.Store(nil)
		return nil
	}
	cfg := s.cfg
	cfg.Seed++
	o, err := New(cfg)
	if err != nil {
		return errors.Join(errors.New("sandbox: make another organization"), err)
	}
	o.signIn, o.now, o.tenant, o.conditions = s.signIn, s.now, s.tenant, s.conditions
	s.swapped.Store(o)
	return nil
}
