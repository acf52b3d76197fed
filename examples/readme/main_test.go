package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The programs that README.md shows are these, to the letter.
func TestReadmeShowsWhatIsHere(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile("(?s)```go\n(package .*?)```").FindAllStringSubmatch(string(readme), -1)
	files := []string{"main.go", "../testing/service_test.go"}
	if len(shown) != len(files) {
		t.Fatalf("README.md shows %d programs, want %d", len(shown), len(files))
	}
	for i, name := range files {
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		_, program, _ := strings.Cut(string(file), "package ")
		if want := "package " + program; shown[i][1] != want {
			t.Errorf("README.md shows another program than %s", name)
		}
	}
}
