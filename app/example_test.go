package app_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// must is for examples, where nothing fails.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// fakeHour lets an hour pass: a step, then everything that comes of it, then the
// next step.
func fakeHour(a *app.App, v *clock.Virtual, step time.Duration) {
	for range time.Hour / step {
		v.Advance(step)
		_ = a.WaitIdle(context.Background())
	}
}

// A task that is due every twenty minutes, while the machine is online.
func ExampleApp() {
	hour := clock.NewVirtual(time.Time{}) // a test's; leave it out for the system's
	a, online := app.New(app.WithClock(hour)), condition.NewFlag("online", true)
	a.HandleFunc("sync", func(_ context.Context, in *tasks.Instance) error {
		fmt.Println(in.Name(), "at", in.Due().Format(time.TimeOnly))
		return nil
	})
	must(a.Register(tasks.Registration{
		Name:       "sync",
		Trigger:    trigger.Every(20 * time.Minute),
		Conditions: []activation.Condition{online},
	}))
	if err := a.Start(context.Background()); err != nil { // or Run, which returns when it is over
		fmt.Println(err)
	}
	fakeHour(a, hour, 20*time.Minute)
	online.Set(false)
	fakeHour(a, hour, 20*time.Minute) // three firings, and nothing starts
	online.Set(true)
	_ = a.WaitIdle(context.Background())
	fmt.Println(must(a.Stop(context.Background())))
	// Output:
	// sync at 00:20:00
	// sync at 00:40:00
	// sync at 01:00:00
	// sync at 02:00:00
	// stopped in 0s: 0 active
}

// Run stops the App when its context ends, and says who was late.
func ExampleApp_Run() {
	a := app.New()
	ctx, cancel := context.WithCancel(context.Background())
	a.HandleFunc("last", func(context.Context, *tasks.Instance) error {
		cancel()
		return nil
	})
	must(a.Register(tasks.Registration{Name: "last", Trigger: trigger.After(0)}))
	fmt.Println(a.Run(ctx))
	// Output: <nil>
}

func ExampleApp_Register() {
	a := app.New(app.WithMinimumInterval(15 * time.Minute))
	sync := tasks.Registration{Name: "sync", Trigger: trigger.Every(15 * time.Minute)}
	first, err := a.Register(sync)
	fmt.Println(first, err)
	_, err = a.Register(sync)
	fmt.Println(errors.Is(err, app.ErrRegistered), err)
	_, err = a.Register(tasks.Registration{Name: "poll", Trigger: trigger.Every(time.Second)})
	fmt.Println(errors.Is(err, app.ErrTooOften), err)
	// Output:
	// sync <nil>
	// true app: name is registered: task "sync"
	// true app: interval is below the minimum: 1s, minimum 15m0s: task "poll"
}

// Replace changes a task: what runs is canceled, and time begins anew.
func ExampleApp_Replace() {
	hour := clock.NewVirtual(time.Time{})
	a := app.New(app.WithClock(hour))
	a.HandleFunc("sync", func(_ context.Context, in *tasks.Instance) error {
		fmt.Println("registration", in.TaskID(), "at", in.Due().Format(time.TimeOnly))
		return nil
	})
	must(a.Replace(tasks.Registration{Name: "sync", Trigger: trigger.Every(30 * time.Minute)}))
	if err := a.Start(context.Background()); err != nil {
		fmt.Println(err)
	}
	fakeHour(a, hour, 10*time.Minute)
	must(a.Replace(tasks.Registration{Name: "sync", Trigger: trigger.Every(40 * time.Minute)}))
	fakeHour(a, hour, 10*time.Minute)
	must(a.Stop(context.Background()))
	// Output:
	// registration 1 at 00:30:00
	// registration 1 at 01:00:00
	// registration 2 at 01:40:00
}

func ExampleApp_Unregister() {
	a := app.New()
	must(a.Register(tasks.Registration{Name: "sync", Trigger: trigger.Every(time.Hour)}))
	a.Unregister("sync", true)
	a.Unregister("sync", true) // an unknown name is no error
	fmt.Println(a.IsRegistered("sync"))
	// Output: false
}

func ExampleApp_All() {
	a := app.New()
	for _, name := range []string{"sync", "backup", "prune"} {
		must(a.Register(tasks.Registration{Name: name, Trigger: trigger.Every(time.Hour)}))
	}
	for t := range a.All() {
		fmt.Println(t)
	}
	// Output:
	// backup
	// prune
	// sync
}

// A library keeps its tasks apart from those of the program that uses it.
func ExampleApp_Group() {
	a := app.New()
	cache := a.Group("example.com/cache")
	cache.HandleFunc("prune", func(_ context.Context, in *tasks.Instance) error {
		fmt.Println("pruning for", in.Group())
		return nil
	})
	prune := must(cache.Register(tasks.Registration{Name: "prune", Trigger: trigger.Every(time.Hour)}))
	fmt.Println(prune, a.IsRegistered("prune"), cache.IsRegistered("prune"))
	ctx := context.Background()
	if err := a.Start(ctx); err != nil {
		fmt.Println(err)
	}
	fmt.Println(must(prune.Fire(ctx, nil)).Wait(ctx))
	must(a.Stop(ctx))
	// Output:
	// example.com/cache/prune false true
	// pruning for example.com/cache
	// <nil>
}

// Middleware is around every activation, those of groups included.
func ExampleApp_Use() {
	a := app.New()
	a.Use(func(next tasks.Handler) tasks.Handler {
		return tasks.HandlerFunc(func(ctx context.Context, in *tasks.Instance) error {
			err := next.Run(ctx, in)
			fmt.Println(in.Name(), "ended with", err)
			return err
		})
	})
	a.HandleFunc("sync", func(context.Context, *tasks.Instance) error { return errors.New("no route to host") })
	sync := must(a.Register(tasks.Registration{Name: "sync", Trigger: trigger.Every(time.Hour)}))
	ctx := context.Background()
	if err := a.Start(ctx); err != nil {
		fmt.Println(err)
	}
	_ = must(sync.Fire(ctx, nil)).Wait(ctx)
	must(a.Stop(ctx))
	// Output: sync ended with no route to host
}

// Events of the program's own make tasks due by name.
func ExampleApp_Raise() {
	a := app.New()
	a.HandleFunc("reload", func(_ context.Context, in *tasks.Instance) error {
		fmt.Println("reloading", in.Details())
		return nil
	})
	must(a.Register(tasks.Registration{Name: "reload", Trigger: trigger.Custom("config changed", trigger.Always)}))
	ctx := context.Background()
	if err := a.Start(ctx); err != nil {
		fmt.Println(err)
	}
	n := must(a.Raise(ctx, "config changed", "users.toml"))
	_ = a.WaitIdle(ctx)
	fmt.Println(n, "accepted")
	must(a.Stop(ctx))
	// Output:
	// reloading users.toml
	// 1 accepted
}

// Everything that happens is told, in its order.
func ExampleApp_Observe() {
	a := app.New()
	a.HandleFunc("sync", func(context.Context, *tasks.Instance) error { return nil })
	a.Observe(func(e event.Event) { fmt.Println(e) })
	sync := must(a.Register(tasks.Registration{Name: "sync", Trigger: trigger.Every(time.Hour)}))
	ctx := context.Background()
	if err := a.Start(ctx); err != nil {
		fmt.Println(err)
	}
	must(sync.Fire(ctx, nil))
	_ = a.WaitIdle(ctx)
	must(a.Stop(ctx))
	// Output:
	// sync registered n=1
	// sync fired act=1
	// sync started act=1 inst=1
	// sync ended act=1 inst=1
	// sync completed act=1 inst=1 n=1
}

// The sample of the single-process model: a switch in the override, and the
// base for what it does not know.
func ExampleWithOnBackgroundActivated() {
	var a *app.App
	a = app.New(app.WithOnBackgroundActivated(func(ctx context.Context, in *tasks.Instance) error {
		d, err := in.Deferral("dispatch")
		if err != nil {
			return err
		}
		defer d.Complete()
		switch in.Name() {
		case "Name of the Background Task":
			fmt.Println("the override runs it")
			return nil
		}
		return a.OnBackgroundActivated(ctx, in)
	}))
	a.HandleFunc("other", func(context.Context, *tasks.Instance) error {
		fmt.Println("the base runs the handler")
		return nil
	})
	ctx := context.Background()
	if err := a.Start(ctx); err != nil {
		fmt.Println(err)
	}
	for _, name := range []string{"Name of the Background Task", "other", "unknown"} {
		t := must(a.Register(tasks.Registration{Name: name, Trigger: trigger.Every(15 * time.Minute)}))
		err := must(t.Fire(ctx, nil)).Wait(ctx)
		fmt.Println(errors.Is(err, app.ErrUnknownTask))
	}
	must(a.Stop(ctx))
	// Output:
	// the override runs it
	// false
	// the base runs the handler
	// false
	// true
}

// Fire makes a task due by hand; the receipt waits for what becomes of it.
func ExampleTask_Fire() {
	a := app.New()
	a.Handle("greet", tasks.Typed(func(_ context.Context, _ *tasks.Instance, name string) error {
		fmt.Println("hello,", name)
		return nil
	}))
	greet := must(a.Register(tasks.Registration{Name: "greet", Trigger: trigger.Every(time.Hour)}))
	ctx := context.Background()
	_, err := greet.Fire(ctx, "too early")
	fmt.Println(errors.Is(err, app.ErrNotRunning))
	if err := a.Start(ctx); err != nil {
		fmt.Println(err)
	}
	fmt.Println(must(greet.Fire(ctx, "Ada")).Wait(ctx))
	fmt.Println(errors.Is(must(greet.Fire(ctx, 7)).Wait(ctx), tasks.ErrDetails))
	greet.Pause()
	refused := must(greet.Fire(ctx, "Grace"))
	fmt.Println(refused.Result, refused.Wait(ctx))
	must(a.Stop(ctx))
	// Output:
	// true
	// hello, Ada
	// <nil>
	// true
	// DisabledByPolicy activation: the firing was refused: DisabledByPolicy
}

// OnCompleted is told once for each activation, with its outcome.
func ExampleTask_OnCompleted() {
	a := app.New()
	a.HandleFunc("sync", func(_ context.Context, in *tasks.Instance) error {
		if in.Activation() == 1 {
			panic("no map")
		}
		return nil
	})
	sync := must(a.Register(tasks.Registration{Name: "sync", Trigger: trigger.Every(time.Hour)}))
	sync.OnCompleted(func(e event.Event) {
		var p *tasks.Panic
		switch {
		case e.Err == nil:
			fmt.Println(e.Task, "done")
		case errors.As(e.Err, &p):
			fmt.Println(e.Task, "panicked:", p.Value)
		}
	})
	ctx := context.Background()
	if err := a.Start(ctx); err != nil {
		fmt.Println(err)
	}
	for range 2 {
		must(sync.Fire(ctx, nil))
		_ = a.WaitIdle(ctx)
	}
	must(a.Stop(ctx))
	// Output:
	// sync panicked: no map
	// sync done
}

func ExampleTask_OnProgress() {
	a := app.New()
	a.HandleFunc("copy", func(_ context.Context, in *tasks.Instance) error {
		in.Progress(42)
		return nil
	})
	copying := must(a.Register(tasks.Registration{Name: "copy", Trigger: trigger.Every(time.Hour)}))
	copying.OnProgress(func(e event.Event) { fmt.Println(e.Task, e.N, "percent") })
	ctx := context.Background()
	if err := a.Start(ctx); err != nil {
		fmt.Println(err)
	}
	must(copying.Fire(ctx, nil))
	_ = a.WaitIdle(ctx)
	must(a.Stop(ctx))
	// Output: copy 42 percent
}

// Cancel tells running instances why they are to end.
func ExampleTask_Cancel() {
	hour := clock.NewVirtual(time.Time{})
	a := app.New(app.WithClock(hour))
	a.HandleFunc("index", func(ctx context.Context, in *tasks.Instance) error {
		err := in.Sleep(24 * time.Hour) // stands for work
		fmt.Println("ends since", context.Cause(ctx))
		return err
	})
	index := must(a.Register(tasks.Registration{Name: "index", Trigger: trigger.Every(time.Hour)}))
	ctx := context.Background()
	if err := a.Start(ctx); err != nil {
		fmt.Println(err)
	}
	r := must(index.Fire(ctx, nil))
	_ = a.WaitIdle(ctx)
	fmt.Println(index.Cancel(activation.EnergySaver), "canceled")
	var canceled *tasks.Canceled
	fmt.Println(errors.As(r.Wait(ctx), &canceled), canceled.Reason.String())
	must(a.Stop(ctx))
	// Unordered output:
	// ends since activation: canceled: EnergySaver
	// 1 canceled
	// true EnergySaver
}

// A test moves the clock and waits until nothing is left to do at that instant.
func ExampleApp_WaitIdle() {
	v := clock.NewVirtual(time.Time{})
	a := app.New(app.WithClock(v))
	a.HandleFunc("slow", func(_ context.Context, in *tasks.Instance) error {
		fmt.Println("begins")
		err := in.Sleep(20 * time.Second)
		fmt.Println("ends")
		return err
	})
	must(a.Register(tasks.Registration{Name: "slow", Trigger: trigger.After(time.Hour)}))
	ctx := context.Background()
	if err := a.Start(ctx); err != nil {
		fmt.Println(err)
	}
	for _, d := range []time.Duration{time.Hour, 20 * time.Second} {
		v.Advance(d)
		_ = a.WaitIdle(ctx)
		fmt.Println("idle at", v.Now().Format(time.TimeOnly))
	}
	must(a.Stop(ctx))
	// Output:
	// begins
	// idle at 01:00:00
	// ends
	// idle at 01:00:20
}

// The overload by type takes name and entry point from the type, which asks for
// a process of its own.
func ExampleRegisterType() {
	type Backup struct{}
	a := app.New()
	_, err := app.RegisterType[Backup](a, tasks.Registration{Trigger: trigger.Every(time.Hour)})
	fmt.Println(errors.Is(err, app.ErrNeedsHost))
	// Output: true
}

// The report of Stop says of each instance that was active how it ended.
func ExampleApp_Stop() {
	a := app.New(app.WithClock(clock.NewVirtual(time.Time{})))
	a.HandleFunc("upload", func(_ context.Context, in *tasks.Instance) error { return in.Sleep(time.Hour) })
	upload := must(a.Register(tasks.Registration{Name: "upload", Trigger: trigger.Every(time.Hour)}))
	ctx := context.Background()
	if err := a.Start(ctx); err != nil {
		fmt.Println(err)
	}
	must(upload.Fire(ctx, nil))
	_ = a.WaitIdle(ctx)
	report, err := a.Stop(ctx)
	fmt.Println(report)
	fmt.Println(err)
	// Output:
	// stopped in 0s: 1 active
	//   upload: instance 1 canceled after 0s: tasks: canceled: Terminating
	// <nil>
}
