// Package file is for tasks that go by files: a [Trigger] makes a task due when
// files or what is in directories have changed, and [Exists] and [Missing] are
// conditions.
//
// It never polls and opens none of the files. The system's notices come through
// github.com/fsnotify/fsnotify, which knows Linux, macOS, the BSDs, Windows and
// illumos, and which has a goroutine of its own for each watch; it ends with the
// watch. File systems that other machines write to, such as NFS, notify of
// nothing that those do.
//
// # A directory that files are dropped into
//
// What came while the program did not run is no change, and what the handler
// takes away is one. So let the trigger say when to look, and the handler look:
//
//	Trigger: trigger.Any(trigger.Startup(), file.Changed("/var/spool/in"))
//
// whose handler goes through the directory, whatever its details are, which at
// the start are none. A file that is written slowly may be told of more than
// once; who writes it had better rename it into the directory when it is whole.
//
// It is a module of its own: go get github.com/bgloop/bgloop/integrations/file.
package file
