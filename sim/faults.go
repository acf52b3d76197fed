package sim

// Faults says how often what goes wrong.
type Faults struct{}

// Usual are the faults of a test that does not say which.
func Usual() Faults { return Faults{} }

// WithFaults sets what goes wrong and how often.
func WithFaults(f Faults) Option { return func(c *config) { c.faults = f } }
