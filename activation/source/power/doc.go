// Package power is for tasks that go by the power supply: whether the machine is
// on line, and how much its batteries hold. It reads what Linux shows under
// /sys/class/power_supply, and is told of changes by the kernel.
//
// It never changes anything about the supply. On other systems, and where that
// directory is not there, Register answers errors.ErrUnsupported.
package power
