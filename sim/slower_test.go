//go:build !race

package sim_test

// slower is by how much a life is.
const slower = 1
