package pooled

import (
	"context"
	"slices"
)

// chain is the Hooks of a pool by event, without the nil ones: the guards in their order, then the user's, then those
// that only watch.
type chain struct {
	beforeConnect  []func(context.Context, *ConnectParams) error
	firstConnect   []func(context.Context, *ServerConn) error
	connect        []func(context.Context, *ServerConn) error
	checkout       []func(context.Context, *ServerConn) error
	checkoutAgain  []func(context.Context, *ServerConn) error // without the instant guards; see Pool.trusted
	reset          []func(context.Context, *ServerConn, ResetState) error
	checkin        []func(*ServerConn)
	invalidate     []func(*ServerConn, error)
	softInvalidate []func(*ServerConn, error)
	detach         []func(*ServerConn)
	close          []func(*ServerConn, error)
	connectError   []func(error)
	timeout        []func(*TimeoutError)
	canceled       []func(*ContextError)
	leak           []func(Holder)
	outageBegan    []func(Outage)
	outageEnded    []func(Outage)
	demoted        []func(Host)
	dispose        []func()
	fork           []func(parent, child int)

	// onReturn: a hook that is no guard runs on each return. The guards have nothing to do on most.
	onReturn bool
}

func newChain(instant, guards, others []Hooks) chain {
	var c chain
	for i, h := range slices.Concat(instant, guards, others) {
		add(&c.beforeConnect, h.BeforeConnect, h.BeforeConnect != nil)
		add(&c.firstConnect, h.FirstConnect, h.FirstConnect != nil)
		add(&c.connect, h.Connect, h.Connect != nil)
		add(&c.checkout, h.Checkout, h.Checkout != nil)
		add(&c.checkoutAgain, h.Checkout, h.Checkout != nil && i >= len(instant))
		add(&c.reset, h.Reset, h.Reset != nil)
		add(&c.checkin, h.Checkin, h.Checkin != nil)
		add(&c.invalidate, h.Invalidate, h.Invalidate != nil)
		add(&c.softInvalidate, h.SoftInvalidate, h.SoftInvalidate != nil)
		add(&c.detach, h.Detach, h.Detach != nil)
		add(&c.close, h.Close, h.Close != nil)
		add(&c.connectError, h.ConnectError, h.ConnectError != nil)
		add(&c.timeout, h.Timeout, h.Timeout != nil)
		add(&c.canceled, h.Canceled, h.Canceled != nil)
		add(&c.leak, h.Leak, h.Leak != nil)
		add(&c.outageBegan, h.OutageBegan, h.OutageBegan != nil)
		add(&c.outageEnded, h.OutageEnded, h.OutageEnded != nil)
		add(&c.demoted, h.Demoted, h.Demoted != nil)
		add(&c.dispose, h.Dispose, h.Dispose != nil)
		add(&c.fork, h.Fork, h.Fork != nil)
	}
	for _, h := range others {
		c.onReturn = c.onReturn || h.Reset != nil || h.Checkin != nil
	}
	return c
}

func add[F any](list *[]F, f F, ok bool) {
	if ok {
		*list = append(*list, f)
	}
}

// runUntilError runs the functions of one event in order, up to the first that fails.
func runUntilError(ctx context.Context, functions []func(context.Context, *ServerConn) error, s *ServerConn) error {
	for _, f := range functions {
		if err := f(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// logPanic is deferred on a goroutine of the pool's own around hooks whose panic nobody could recover there: it must
// not end the program.
func (p *Pool) logPanic(event string) {
	if v := recover(); v != nil {
		p.eventLog().Panicked("pooled: a hook or an observer panicked", v, "event", event)
	}
}
