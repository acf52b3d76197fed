//go:build !race

package cron_test

// slow is how many times longer a test takes here than it should.
const slow = 1
