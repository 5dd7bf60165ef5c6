package sandbox

import "slices"

// FaultKinds returns the kinds of faults there are.
func FaultKinds() []string { return slices.Clone(faultKinds) }
