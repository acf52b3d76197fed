package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The program that README.md shows is this one, to the letter.
func TestReadmeShowsWhatIsHere(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile("(?s)```go\n(package .*?)```").FindAllStringSubmatch(string(readme), -1)
	if len(shown) != 1 {
		t.Fatalf("README.md shows %d programs, want 1", len(shown))
	}
	file, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, program, _ := strings.Cut(string(file), "package ")
	if want := "package " + program; shown[0][1] != want {
		t.Error("README.md shows another program than main.go")
	}
}
