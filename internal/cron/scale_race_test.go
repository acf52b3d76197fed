//go:build race

package cron_test

const slow = 10
