package server

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

// Upgrader puts another binary in the place of the one that runs.
type Upgrader interface {
	// Upgrade returns nil when a worker of the binary serves, and calls step with what
	// happens until then. It fails with ErrCannotUpgrade when none was started.
	Upgrade(ctx context.Context, path string, step func(text string)) error
	// Upgraded returns the workers and the last upgrade.
	Upgraded() Upgraded
}

// ErrCannotUpgrade is wrapped by the reason why an upgrade does not begin.
var ErrCannotUpgrade = errors.New("upgrade not begun")

// Upgraded tells of the processes of dynlb, and of its upgrades.
type Upgraded struct {
	Epoch    uint64 // how many workers have served
	Draining int    // how many of them finish their requests
	Keeper   Keeper
	Last     LastUpgrade // zero: there was none
	// The numbers of upgrades by their results.
	Done, Failed, Reverted uint64
}

// Keeper is the main process.
type Keeper struct {
	PID     int
	Version string
	Started time.Time
}

// LastUpgrade is the last upgrade of dynlb.
type LastUpgrade struct {
	Time    time.Time // when it began
	Binary  string
	Version string
	// Result is "under way", "done", "failed" or "reverted".
	Result string
	Error  string // why it has failed, or was reverted
}

// upgradeResults are the values of LastUpgrade.Result.
var upgradeResults = map[string]dynlbv1.UpgradeResult{
	"under way": dynlbv1.UpgradeResult_UPGRADE_RESULT_UNDER_WAY,
	"done":      dynlbv1.UpgradeResult_UPGRADE_RESULT_DONE,
	"failed":    dynlbv1.UpgradeResult_UPGRADE_RESULT_FAILED,
	"reverted":  dynlbv1.UpgradeResult_UPGRADE_RESULT_REVERTED,
}

// Upgrade puts another binary in the place of this one, and logs which client did.
func (c *control) Upgrade(req *dynlbv1.UpgradeRequest, stream grpc.ServerStreamingServer[dynlbv1.UpgradeResponse]) error {
	if c.upgrader == nil {
		return status.Error(codes.FailedPrecondition, "dynlb runs as a single process, which cannot be upgraded; start it without --no-keeper")
	}
	c.log.Info("Upgrade", "peer", peerOf(stream.Context()), "path", req.GetPath())
	err := c.upgrader.Upgrade(stream.Context(), req.GetPath(), func(what string) {
		// Send fails when the client has left. The upgrade goes on.
		_ = stream.Send(&dynlbv1.UpgradeResponse{Text: text(what)})
	})
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrCannotUpgrade):
		return status.Error(codes.FailedPrecondition, err.Error())
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return status.FromContextError(err).Err()
	default:
		return status.Error(codes.Aborted, err.Error())
	}
}

// process returns what the status tells of dynlb itself.
func (c *control) process() *dynlbv1.Process {
	out := &dynlbv1.Process{Version: text(c.version)}
	if c.upgrader != nil {
		u := c.upgrader.Upgraded()
		out.Epoch, out.DrainingWorkers = u.Epoch, int32(u.Draining)
		out.UpgradeTime, out.UpgradeError, out.UpgradeResult = timestamp(u.Last.Time), text(u.Last.Error), upgradeResults[u.Last.Result]
		out.UpgradeBinary, out.UpgradeVersion = text(u.Last.Binary), text(u.Last.Version)
		out.Keeper = &dynlbv1.Keeper{Pid: int32(u.Keeper.PID), Version: text(u.Keeper.Version), StartTime: timestamp(u.Keeper.Started)}
	}
	return out
}
