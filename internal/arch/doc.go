// Package arch holds the architecture of bgloop as a policy that a test checks:
// who may import whom, where time, goroutines and waiting may be, and what a
// package may keep between calls.
//
// It contains nothing to import. Read policy_test.go; the rest of the package
// reads the source of the whole tree, bench and integrations included, whatever
// its build tags, and reports each line that breaks a line of the policy.
package arch
