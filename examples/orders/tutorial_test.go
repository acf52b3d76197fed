package orders_test

import (
	"flag"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the commands of the tutorial print into it")

const tutorial = "../../docs/simulation.md"

// What differs from run to run, and what it is written as.
var varying = []struct {
	pattern *regexp.Regexp
	text    string
}{
	{regexp.MustCompile(`\(\d+\.\d+s\)`), "(0.00s)"},
	{regexp.MustCompile(`(?m)(\t)(\d+\.\d+s|\(cached\))$`), "${1}0.00s"},
}

var plan = regexp.MustCompile(`-sim\.replay=\S+`)

// TestTutorial runs the commands of docs/simulation.md, and compares what they
// print with what it says. It builds packages, so it is run where BGLOOP_SEEDS
// is set, as .ci/run hunt does. After a change of what is printed:
//
//	BGLOOP_SEEDS=1 go test ./examples/orders -run TestTutorial -update
func TestTutorial(t *testing.T) {
	if os.Getenv("BGLOOP_SEEDS") == "" {
		t.Skip("only where BGLOOP_SEEDS is set")
	}
	b, err := os.ReadFile(tutorial)
	if err != nil {
		t.Fatal(err)
	}
	text, commands, found := string(b), 0, ""
	var out strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "```console\n$ ")
		out.WriteString(before)
		if !ok {
			break
		}
		block, after, _ := strings.Cut(rest, "```")
		command, want, _ := strings.Cut(block, "\n")
		if found != "" {
			command = plan.ReplaceAllLiteralString(command, found)
		}
		got := run(t, command)
		if p := plan.FindString(got); p != "" {
			found = p
		}
		if got != want && !*update {
			t.Errorf("$ %s\ngot\n%s\nwant\n%s", command, got, want)
		}
		out.WriteString("```console\n$ " + command + "\n" + got + "```")
		text = after
		commands++
	}
	if commands < 5 {
		t.Errorf("%d commands", commands)
	}
	if *update {
		if err := os.WriteFile(tutorial, []byte(out.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// run runs a command at the root of the tree, and returns what it printed.
func run(t *testing.T, command string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command) //nolint:gosec // from a file of this tree
	cmd.Dir = "../.."
	b, err := cmd.CombinedOutput()
	if len(b) == 0 {
		t.Fatalf("$ %s: %v", command, err)
	}
	got := string(b)
	for _, v := range varying {
		got = v.pattern.ReplaceAllString(got, v.text)
	}
	return got
}
