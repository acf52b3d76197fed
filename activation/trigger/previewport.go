package trigger

import (
	"context"
	"time"

	"github.com/bgloop/bgloop/activation"
)

// A previewPort records what the trigger says, and does nothing else.
type previewPort struct {
	*preview
	scope *previewScope
}

func (p *previewPort) Schedule(s activation.Schedule) {
	f, _ := s.(activation.Follower)
	follows := f != nil && f.FollowsCompletion()
	p.sources = append(p.sources, &previewSource{schedule: s, scope: p.scope, follows: follows})
}

func (p *previewPort) Branch() activation.Port {
	s := &previewScope{parent: p.scope}
	p.scopes = append(p.scopes, s)
	return &previewPort{p.preview, s}
}

func (p *previewPort) Filter(f activation.Filter)     { p.scope.filters = append(p.scope.filters, f) }
func (p *previewPort) Window(d time.Duration, _ bool) { p.scope.window = d }
func (p *previewPort) OneShot()                       { p.oneShot = true }
func (p *previewPort) Payload()                       { p.payload = true }
func (p *previewPort) Now() time.Time                 { return p.now }
func (*previewPort) Listen(string)                    {}
func (*previewPort) Exclusive(any)                    {}
func (*previewPort) OnArm(func())                     {}
func (*previewPort) OnDisarm(func())                  {}
func (*previewPort) Go(func(context.Context) error)   {}
func (*previewPort) Wanted(func(bool))                {}

func (*previewPort) Fire(context.Context, any) (activation.Receipt, error) {
	return activation.Receipt{Result: activation.UnknownError}, activation.ErrUnbound
}

func (*previewPort) Reserve(context.Context) (activation.Slot, error) {
	return nil, activation.ErrUnbound
}

func (*previewPort) After(time.Duration, func()) (stop func() bool) {
	return func() bool { return false }
}
