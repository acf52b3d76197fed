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
// README: go get github.com/bgloop/bgloop/integrations/file, and then
// file.Changed("/etc/service.conf", "/var/spool/in") is a trigger like any other.
package file
