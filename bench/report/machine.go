package report

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

// A Machine is where it was measured, and of what.
type Machine struct {
	Go         string   `json:"go"`
	OS         string   `json:"os"`
	Arch       string   `json:"arch"`
	CPU        string   `json:"cpu"` // the model, where the system tells it
	CPUs       int      `json:"cpus"`
	GOMAXPROCS int      `json:"gomaxprocs"`
	Memory     string   `json:"memory"`
	Modules    []Module `json:"modules"`
}

// A Module is one that was measured, and its version.
type Module struct {
	Path    string `json:"path"`
	Version string `json:"version"`
}

// measured are the modules whose versions matter.
var measured = []string{
	"github.com/panjf2000/ants/v2", "github.com/alitto/pond/v2", "github.com/sourcegraph/conc", "k8s.io/client-go",
	"github.com/asynkron/protoactor-go", "github.com/ThreeDotsLabs/watermill", "github.com/go-co-op/gocron/v2",
	"github.com/reugn/go-quartz", "github.com/robfig/cron/v3", "github.com/netresearch/go-cron",
	"github.com/riverqueue/river", "modernc.org/sqlite",
}

// Here is this machine.
func Here() Machine {
	m := Machine{
		Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH,
		CPU: field("/proc/cpuinfo", "model name"), CPUs: runtime.NumCPU(), GOMAXPROCS: runtime.GOMAXPROCS(0),
	}
	var kb float64
	if _, err := fmt.Sscanf(field("/proc/meminfo", "MemTotal"), "%f kB", &kb); err == nil {
		m.Memory = fmt.Sprintf("%.0f GiB", kb/(1<<20))
	}
	info, _ := debug.ReadBuildInfo()
	if info == nil {
		return m
	}
	versions := make(map[string]string)
	for _, d := range info.Deps {
		versions[d.Path] = d.Version
	}
	for _, path := range measured {
		if v := versions[path]; v != "" {
			m.Modules = append(m.Modules, Module{path, v})
		}
	}
	return m
}

// field is what a file of lines "name: value" says; empty if it does not.
func field(file, name string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	for s := bufio.NewScanner(f); s.Scan(); {
		if key, value, found := strings.Cut(s.Text(), ":"); found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// String is the machine as one line.
func (m Machine) String() string {
	parts := []string{m.Go, m.OS + "/" + m.Arch}
	if m.CPU != "" {
		parts = append(parts, m.CPU)
	}
	parts = append(parts, fmt.Sprintf("%d CPUs", m.CPUs), fmt.Sprintf("GOMAXPROCS %d", m.GOMAXPROCS))
	if m.Memory != "" {
		parts = append(parts, m.Memory)
	}
	return strings.Join(parts, ", ")
}
