//go:build !race

package trigger_test

// usualSeeds is how many trees of triggers a test tries.
const usualSeeds = 60

// watched says that each step is.
const watched = false
