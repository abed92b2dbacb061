package sibling

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/registry"
)

// ErrNone reports that an app has no siblings: its instances are of one dynlb only.
var ErrNone = errors.New("the app has no siblings")

// ErrClosed reports that the group has ended.
var ErrClosed = errors.New("no reports are sent any more")

// Options are what a Group works with. All but Own and Ordered are required.
type Options struct {
	// App is the name of the app, the same in all siblings.
	App string
	// ID is that of this dynlb among its siblings, another one after each start.
	ID string
	// Registry has the instances, whose IDs are the same in all siblings.
	Registry *registry.Registry
	// Own returns how many instances this dynlb wants. Nil: it never scales.
	Own func() Order
	// Ordered is called when the order of a sibling has changed. It must not block, and must
	// not use the Group. Nil: nothing is called.
	Ordered func()
	// Log gets an entry when a sibling comes and goes.
	Log *slog.Logger
}

// Order is how many instances there should be, as the sibling says that scales.
type Order struct {
	Scales bool // it does; the rest is zero otherwise
	Target int
	Hold   time.Time // the end of the hold; zero if there is none
}

// lastOrder is an Order, and when it was last confirmed.
type lastOrder struct {
	Order
	at time.Time
}

// Group is the siblings of an app. Create one with New, and end it with Close.
type Group struct {
	Options
	ctx    context.Context //nolint:containedctx // of the links, which Set begins; ends with Close
	cancel context.CancelFunc
	parts  sync.WaitGroup // the links

	mu     sync.Mutex // guards all below
	on     bool       // there may be siblings; see Set
	access Access
	links  map[string]*link     // by address
	names  map[string]*link     // the links that have reached a sibling, by its ID
	orders map[string]lastOrder // by sibling, also of one that is gone
}

// New returns a Group without any sibling. It sends no reports before Set.
func New(o Options) *Group {
	g := &Group{Options: o, links: map[string]*link{}, names: map[string]*link{}, orders: map[string]lastOrder{}}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	g.Registry.NameSelf(o.ID)
	return g
}

// Close ends the Group: no reports are sent any more, and what they have is
// forgotten.
func (g *Group) Close() {
	g.Off()
	g.cancel()
	g.parts.Wait()
}

// Off ends what Set has begun.
func (g *Group) Off() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.on = false
	g.pruneLocked(nil)
}

// Set changes where the siblings are, this dynlb included or not, and how they are reached.
func (g *Group) Set(addresses []string, access Access) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ctx.Err() != nil {
		return
	}
	g.on = true
	if access.Key != g.access.Key {
		g.pruneLocked(nil)
	}
	g.access = access
	g.pruneLocked(addresses)
	for _, address := range addresses {
		if g.links[address] == nil {
			g.links[address] = g.newLink(address, access)
		}
	}
}

// pruneLocked ends the links to all but some addresses.
func (g *Group) pruneLocked(but []string) {
	for address, l := range g.links {
		if !slices.Contains(but, address) {
			l.cancel()
			delete(g.links, address)
		}
	}
}

// newLink returns a link that works until the Group or its own context ends.
func (g *Group) newLink(address string, access Access) *link {
	l := &link{group: g, address: address}
	ctx, cancel := context.WithCancel(g.ctx)
	l.cancel = cancel
	g.parts.Go(func() {
		defer cancel()
		l.run(ctx, access)
	})
	return l
}

// Client returns the control service of a sibling; ok is false if it is not reached now.
func (g *Group) Client(id string) (client dynlbv1.ControlClient, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.names[id]
	if l == nil {
		return nil, false
	}
	return l.control, true
}

// remembered is for how long the order of a sibling counts that is gone: as long as it may take
// until another one scales, and some more.
const remembered = time.Minute

// Order returns what a sibling has ordered last, also if it is gone: the one that scales in its
// place goes on with that.
func (g *Group) Order(id string) Order {
	g.mu.Lock()
	defer g.mu.Unlock()
	if last := g.orders[id]; time.Since(last.at) < remembered {
		return last.Order
	}
	return Order{}
}

// claim makes l the link to a sibling, if there is no other one: a sibling may have two
// addresses.
func (g *Group) claim(l *link, id string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if other := g.names[id]; other != nil && other != l {
		return false
	}
	if g.names[id] == nil {
		g.Log.Info("sibling found", "sibling", id, "address", l.address)
	}
	g.names[id] = l
	return true
}

// release forgets a sibling.
func (g *Group) release(l *link, id, why string) {
	g.Registry.ForgetSibling(id)
	g.mu.Lock()
	delete(g.names, id)
	g.mu.Unlock()
	g.Log.Info("sibling lost", "sibling", id, "address", l.address, "reason", why)
}

// hear counts what a sibling has told.
func (g *Group) hear(id string, m *dynlbv1.WatchReportsResponse, whole bool) {
	g.Registry.UpdateSibling(id, reportOf(m, whole))
	if order := orderOf(m); g.note(id, order) && g.Ordered != nil {
		g.Ordered()
	}
}

// note keeps the order of a sibling, and reports whether it is another one than before.
func (g *Group) note(id string, order Order) (changed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	changed = g.orders[id].Order != order
	if !order.Scales {
		delete(g.orders, id)
		return changed
	}
	for name, last := range g.orders {
		if time.Since(last.at) >= remembered {
			delete(g.orders, name)
		}
	}
	g.orders[id] = lastOrder{order, time.Now()}
	return changed
}

// orderOf returns the order in a message.
func orderOf(m *dynlbv1.WatchReportsResponse) (o Order) {
	if m.GetScales() {
		o.Scales, o.Target = true, int(m.GetTarget())
		if until := m.GetHoldUntil(); until != nil {
			o.Hold = until.AsTime()
		}
	}
	return o
}
