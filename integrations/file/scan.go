package file

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// A scan knows how the places looked when what was in them was last told.
type scan struct {
	places []place

	mu    sync.Mutex // guards the following
	known map[string]fs.FileInfo
}

// dirs are the directories to watch, each once.
func (s *scan) dirs() (list []string) {
	for _, l := range s.places {
		if !slices.Contains(list, l.dir) {
			list = append(list, l.dir)
		}
	}
	return list
}

// concerns reports whether a change at path matters.
func (s *scan) concerns(path string) bool {
	return slices.ContainsFunc(s.places, func(l place) bool { return l.concerns(path) })
}

// look finds what there is now.
func (s *scan) look() map[string]fs.FileInfo {
	found := make(map[string]fs.FileInfo)
	for _, l := range s.places {
		if l.entry != "" {
			if info, err := os.Lstat(filepath.Join(l.dir, l.entry)); err == nil {
				found[filepath.Join(l.dir, l.entry)] = info
			}
			continue
		}
		entries, _ := os.ReadDir(l.dir) // what cannot be read is not there
		for _, e := range entries {
			if info, err := e.Info(); err == nil {
				found[filepath.Join(l.dir, e.Name())] = info
			}
		}
	}
	return found
}

// compare finds what differs from what is known, and knows it then. The first
// time nothing does.
func (s *scan) compare() (paths []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, known := s.look(), s.known
	s.known = found
	if known == nil {
		return nil
	}
	for path, info := range found {
		if was, there := known[path]; !there || differs(was, info) {
			paths = append(paths, path)
		}
	}
	for path := range known {
		if _, there := found[path]; !there {
			paths = append(paths, path)
		}
	}
	return paths
}

// note knows how changed paths look now, as they are about to be told.
func (s *scan) note(paths []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, path := range paths {
		if info, err := os.Lstat(path); err == nil {
			s.known[path] = info
		} else {
			delete(s.known, path)
		}
	}
}

func differs(a, b fs.FileInfo) bool {
	return a.Size() != b.Size() || !a.ModTime().Equal(b.ModTime()) || a.Mode().Type() != b.Mode().Type() || !os.SameFile(a, b)
}
