//go:build !linux

package fastpath

import (
	"context"
	"errors"
	"net"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/internal/settings"
)

// Engine does not exist on this platform.
type Engine struct{}

// New returns errors.ErrUnsupported.
func New(Options) (*Engine, error) { return nil, errors.ErrUnsupported }

// Serve returns errors.ErrUnsupported.
func (*Engine) Serve(net.Listener) error { return errors.ErrUnsupported }

// Configure does nothing.
func (*Engine) Configure(settings.Settings) {}

// Drop does nothing.
func (*Engine) Drop(registry.Endpoint) {}

// Leave returns false.
func (*Engine) Leave(net.Listener) bool { return false }

// Shutdown does nothing.
func (*Engine) Shutdown(context.Context) error { return nil }
