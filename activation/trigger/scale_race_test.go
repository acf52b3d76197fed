//go:build race

package trigger_test

// usualSeeds is how many trees of triggers a test tries: fewer where each step
// is watched.
const usualSeeds = 10

// watched says that each step is.
const watched = true
