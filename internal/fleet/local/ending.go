package local

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/process"
	"github.com/dynlb/dynlb/internal/registry"
)

// errExited reports that a process ended without being stopped. Its Exit has the
// details.
var errExited = errors.New("exited")

// ending is how a child's life ended.
type ending struct {
	err  error         // why the child failed; nil when it was stopped
	exit *process.Exit // how its process ended; nil if it was not started

	unasked  bool                // the process ended before dynlb stopped it
	requests registry.Casualties // that it had, if it ended by itself
}

// reason describes the ending for people.
func (e ending) reason() string {
	switch {
	case e.err == nil:
		return e.exit.Reason
	case !errors.Is(e.err, errExited):
		return e.err.Error()
	case e.exit.Signal == 0 && len(e.exit.Output) > 0:
		requests := requestsText(e.requests)
		line, isError := lastWords(e.exit.Output)
		if requests != "" && !isError { // else the line would look like one more of them
			return fmt.Sprintf("%s%s; it printed last %q", e.exit.Reason, requests, line)
		}
		return e.exit.Reason + requests + ": " + line
	default:
		return e.exit.Reason + requestsText(e.requests)
	}
}

// replace starts the replacement of a child whose process runs, and which was
// ready. It runs in the loop.
func (f *Fleet) replace(c *child, why error) {
	if f.frozen && !c.staged { // it may have been told to end, and not accept any more
		f.target--
		f.drain(c, why.Error())
		return
	}
	c.replaceReason = why
	if c.staged {
		f.endStaging(stagedError(c, why.Error())) // drains c, too
		return
	}
	f.needReplacement(c, "was stopped", why.Error())
	f.backoff.fail(time.Now(), c.readyAt)
	if f.rollout != nil && c.generation == f.generation {
		f.abortRollout(why.Error())
	}
	f.drain(c, why.Error())
}

// onEnd handles the last report of a child: its process has ended, or could not be
// started. It runs in the loop.
func (f *Fleet) onEnd(c *child, end ending) {
	c.endLife()
	f.children = slices.DeleteFunc(f.children, func(x *child) bool { return x == c })
	f.ports.release(c.place.port)
	reason := end.reason()
	if f.failed(c, end) {
		f.Board.SetLastExit(lastExit(c, end))
	}
	f.logRejected(c, f.Registry.Transition(c.id, registry.Stopped, stopReason(c, end)))
	if end.exit != nil && end.exit.Dropped > 0 {
		c.log.Warn("output lines dropped: the log is not read fast enough", "droppedLines", end.exit.Dropped)
	}
	if c.staged {
		f.onStagedEnd(c, end)
		return
	}
	switch {
	case c.replaceReason != nil: // its replacement was started then
	case f.frozen && errors.Is(end.err, errExited) && exitedOnSignal(end.exit):
		f.target-- // the init system sent the instances the same signal as dynlb
		c.log.Info("instance ended during the shutdown", "exit", reason)
		return
	case end.err == nil:
		c.log.Info("instance stopped", "exit", reason, "reason", c.drainReason)
		return
	default:
		f.needReplacement(c, end.verb(), reason)
		f.backoff.fail(time.Now(), c.readyAt)
	}
	if c.endpoint == (registry.Endpoint{}) {
		f.failedStarts++
		f.Board.SetTrouble(reason)
		if f.rollout != nil && c.generation == f.generation {
			n := len(f.pendingReplacements) - 1 // that of c: the outdated ones stay
			f.pendingReplacements = f.pendingReplacements[:n]
			f.abortRollout(reason)
		}
	}
	c.log.Error("instance failed", "reason", lastExit(c, end).Reason, "failures", f.backoff.failures,
		"retryIn", max(0, f.backoff.wait(time.Now())))
}

// failed reports whether the end of c is one that dynlb had not asked for, or the end of an
// instance that was replaced because it failed.
func (f *Fleet) failed(c *child, end ending) bool {
	switch {
	case c.staged && f.frozen, f.frozen && c.replaceReason == nil && errors.Is(end.err, errExited) && exitedOnSignal(end.exit):
		return false // of the shutdown
	default:
		return end.err != nil || c.replaceReason != nil
	}
}

// lastExit describes the end of c, which has failed.
func lastExit(c *child, end ending) notice.Exit {
	out := notice.Exit{ID: c.id, Time: time.Now(), Reason: end.reason(), Version: c.program.Version}
	if c.replaceReason != nil && !c.staged {
		out.Reason = c.replaceReason.Error()
	}
	if end.exit != nil {
		out.Output = end.exit.Output
	}
	return out
}

// stopReason returns the reason of the Stopped event of c.
func stopReason(c *child, end ending) string {
	switch {
	case c.replaceReason != nil:
		return c.replaceReason.Error()
	case end.err != nil:
		return end.reason()
	case end.unasked:
		return end.reason() + ", while it drained: " + c.drainReason
	default:
		return end.reason() + ", stopped by dynlb: " + c.drainReason
	}
}
