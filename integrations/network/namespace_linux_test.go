package network_test

import (
	"context"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/activationtest"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/integrations/network"
	"github.com/bgloop/bgloop/tasks"
)

// inside says to the test that it is in a network namespace of its own.
const inside = "BGLOOP_NETWORK_NAMESPACE"

// The tests of what the kernel tells run in a network namespace of their own,
// where a pair of virtual links goes up and down.
func TestInNamespace(t *testing.T) {
	if os.Getenv(inside) != "" {
		t.Skip("this is inside")
	}
	var out []byte
	var err error
	for _, flags := range []uintptr{syscall.CLONE_NEWNET, syscall.CLONE_NEWNET | syscall.CLONE_NEWUSER} {
		again := exec.Command(os.Args[0], "-test.run=^TestInside", "-test.v", "-test.timeout=3m")
		again.Env = append(os.Environ(), inside+"=1")
		again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
		if flags&syscall.CLONE_NEWUSER != 0 {
			again.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
			again.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
		}
		if out, err = again.CombinedOutput(); again.ProcessState != nil {
			break
		}
	}
	if len(out) == 0 && err != nil {
		t.Skipf("no leave to make a network namespace: %v", err)
	}
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}

// A wire is a pair of virtual links, with a default route over one end.
type wire struct {
	t    testing.TB
	a, b netlink.Link
}

func lay(t testing.TB) *wire {
	t.Helper()
	if os.Getenv(inside) == "" {
		t.Skip("not in a network namespace of its own: TestInNamespace runs it")
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "va0"
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "vb0"}); err != nil {
		t.Skipf("no virtual links here: %v", err)
	}
	w := &wire{t: t}
	var err1, err2 error
	w.a, err1 = netlink.LinkByName("va0")
	w.b, err2 = netlink.LinkByName("vb0")
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	t.Cleanup(func() { _ = netlink.LinkDel(w.a) })
	address, err := netlink.ParseAddr("10.9.0.1/24")
	if err != nil {
		t.Fatal(err)
	}
	w.must(netlink.AddrAdd(w.a, address))
	w.must(netlink.LinkSetUp(w.b))
	return w
}

func (w *wire) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Error(err)
	}
}

// set brings the way out up or down.
func (w *wire) set(up bool) {
	w.t.Helper()
	if !up {
		w.must(netlink.LinkSetDown(w.a)) // takes the route with it
		return
	}
	w.must(netlink.LinkSetUp(w.a))
	_, all, _ := net.ParseCIDR("0.0.0.0/0")
	w.must(netlink.RouteReplace(&netlink.Route{LinkIndex: w.a.Attrs().Index, Dst: all, Gw: net.IPv4(10, 9, 0, 2)}))
}

// The kernel tells of each loss and each return, of the cable too, and no
// descriptor is left.
func TestInside_Edges(t *testing.T) {
	w := lay(t)
	before := descriptors(t)
	m := network.System()
	a := app.New(app.WithLogger(slog.New(slog.DiscardHandler)))
	got := make(chan network.State, 100)
	a.Handle("x", tasks.Typed(func(_ context.Context, _ *tasks.Instance, s network.State) error {
		got <- s
		return nil
	}))
	task, err := a.Register(tasks.Registration{Name: "x", Trigger: m.InternetAvailable()})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	settle(t, m, false)
	const rounds = 50
	for i := range rounds {
		w.set(true)
		settle(t, m, true)
		if i%2 == 0 {
			w.must(netlink.LinkSetDown(w.b)) // the cable is pulled: the route stays
			settle(t, m, false)
			w.must(netlink.LinkSetUp(w.b))
			settle(t, m, true)
		}
		w.set(false)
		settle(t, m, false)
	}
	if err := a.WaitIdle(t.Context()); err != nil {
		t.Error(err)
	}
	if c := task.Explain().Counts; c.Fired != rounds+rounds/2 || c.Refused != 0 || c.Succeeded+c.Merged != c.Fired {
		t.Errorf("counts: got %+v, want %d fired", c, rounds+rounds/2)
	}
	if s := <-got; !s.Online || !slices.Equal(s.Via, []string{"va0"}) || !slices.Equal(s.Up, []string{"va0", "vb0"}) {
		t.Errorf("details: got %+v", s)
	}
	if _, err := a.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if after := descriptors(t); after > before {
		t.Errorf("descriptors: got %d, want %d as before", after, before)
	}
}

// settle waits until the monitor has told that it is online, or not.
func settle(t testing.TB, m *network.Monitor, online bool) {
	t.Helper()
	late := time.After(time.Minute)
	for {
		if s, known := m.State(); known && s.Online == online {
			return
		}
		select {
		case <-late:
			t.Fatalf("the monitor does not tell that online is %v", online)
		default:
			runtime.Gosched()
		}
	}
}

// Over the kernel's network, trigger and condition keep the promises of all.
func TestInside_Kit(t *testing.T) {
	w := lay(t)
	m := network.System()
	up := false
	set := func(_ testing.TB, on bool) {
		if up = on; on {
			w.set(true)
		} else {
			w.set(false)
		}
		late := time.After(time.Minute)
		for {
			if s, known := m.State(); !known || s.Online == on {
				return
			}
			select {
			case <-late:
				return
			default:
				runtime.Gosched()
			}
		}
	}
	t.Run("trigger", func(t *testing.T) {
		activationtest.Trigger(t, activationtest.Source{
			New:     func(testing.TB) activation.Trigger { return m.Changed() },
			Provoke: func(t testing.TB) { set(t, !up) },
		})
	})
	t.Run("condition", func(t *testing.T) {
		activationtest.Condition(t, activationtest.State{
			New: func(testing.TB) activation.Condition { return m.Online() },
			Set: set,
		})
	})
}

// descriptors counts what the process has open.
func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(list)
}
