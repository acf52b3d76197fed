// Package pressure is for tasks that go by what the machine, or a control group
// of it, runs short of: processor, memory or input and output, as Linux tells in
// its pressure stall information (PSI), and the limits of a group's memory. The
// kernel wakes us when a threshold is exceeded; nothing is asked until then.
//
// It never takes or frees anything. Where the kernel has no PSI or keeps it from
// the process, and on other systems, Register answers errors.ErrUnsupported.
package pressure
