// Package crontest says what a cron schedule owes, by ways so plain that they
// can be trusted: it reads an expression value by value, walks time step by
// step, and finds out a zone's changes by looking at its clock each hour.
//
// It shares no code with package cron and is imported by its tests only.
package crontest

import (
	"archive/zip"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // so that the odd zones are there on any machine
)

// Odd lists zones whose clocks do what others do not: shifts of half an hour, at
// midnight, at a minute past midnight, of a whole day, twice a year for Ramadan,
// and of two hours.
func Odd() []string {
	return []string{
		"Australia/Lord_Howe", "Africa/Cairo", "America/Sao_Paulo", "America/St_Johns",
		"Pacific/Apia", "Africa/Casablanca", "Antarctica/Troll",
	}
}

// Zones lists the names of the tz database in order, as the system or the Go
// distribution has it. Where neither is to be found it is Odd.
func Zones() []string {
	var names []string
	for _, dir := range []string{"/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo"} {
		if names = inDir(dir); len(names) > 0 {
			return names
		}
	}
	if names = inZip(filepath.Join(os.Getenv("GOROOT"), "lib/time/zoneinfo.zip")); len(names) > 0 {
		return names
	}
	return Odd()
}

func inDir(dir string) (names []string) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		name, _ := filepath.Rel(dir, path)
		name = filepath.ToSlash(name)
		// right/ counts leap seconds, which Go's time does not know; posix/ and
		// the others are second names.
		switch first, _, _ := strings.Cut(name, "/"); first {
		case "right", "posix", "localtime", "posixrules", "Factory":
			return nil
		}
		if _, err := time.LoadLocation(name); err == nil {
			names = append(names, name)
		}
		return nil
	})
	slices.Sort(names)
	return names
}

func inZip(file string) (names []string) {
	r, err := zip.OpenReader(file)
	if err != nil {
		return nil
	}
	defer func() { _ = r.Close() }()
	for _, f := range r.File {
		if _, err := time.LoadLocation(f.Name); err == nil && !strings.HasSuffix(f.Name, "/") {
			names = append(names, f.Name)
		}
	}
	slices.Sort(names)
	return names
}
