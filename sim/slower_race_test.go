//go:build race

package sim_test

// slower is by how much a life is, about, where each access to memory is
// watched. There are so many fewer of them then.
const slower = 10
