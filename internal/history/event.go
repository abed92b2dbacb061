package history

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/history/segment"
	"github.com/dynlb/dynlb/internal/notice"
)

// eventShare is the part of MaxBytes for events, in percent: at 200 bytes each, more than
// 300,000 of them in 64 MiB.
const eventShare = 25

// EventOf returns an event of an app as the control plane sends it.
func EventOf(app string, e *notice.Event) *dynlbv1.Event {
	out := &dynlbv1.Event{
		Time: timestamppb.New(e.Time), Type: typeOf(e.Type), InstanceId: string(e.ID), Reason: text(e.Reason),
		Rule: e.Rule, App: app, Sequence: e.Sequence, Version: text(e.Version),
	}
	for _, line := range e.Output {
		out.Output = append(out.Output, text(line))
	}
	return out
}

// text returns s as valid UTF-8, which protobuf requires.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

var types = map[notice.EventType]dynlbv1.EventType{
	notice.Scaled:        dynlbv1.EventType_EVENT_TYPE_SCALED,
	notice.Starting:      dynlbv1.EventType_EVENT_TYPE_STARTING,
	notice.Ready:         dynlbv1.EventType_EVENT_TYPE_READY,
	notice.Unhealthy:     dynlbv1.EventType_EVENT_TYPE_UNHEALTHY,
	notice.Draining:      dynlbv1.EventType_EVENT_TYPE_DRAINING,
	notice.Stopped:       dynlbv1.EventType_EVENT_TYPE_STOPPED,
	notice.StartFailed:   dynlbv1.EventType_EVENT_TYPE_START_FAILED,
	notice.Reloaded:      dynlbv1.EventType_EVENT_TYPE_CONFIG_LOADED,
	notice.ReloadFailed:  dynlbv1.EventType_EVENT_TYPE_CONFIG_REJECTED,
	notice.Braked:        dynlbv1.EventType_EVENT_TYPE_BRAKED,
	notice.Deploying:     dynlbv1.EventType_EVENT_TYPE_DEPLOYING,
	notice.Deployed:      dynlbv1.EventType_EVENT_TYPE_DEPLOYED,
	notice.DeployFailed:  dynlbv1.EventType_EVENT_TYPE_DEPLOY_FAILED,
	notice.UncleanEnd:    dynlbv1.EventType_EVENT_TYPE_UNCLEAN_END,
	notice.Upgraded:      dynlbv1.EventType_EVENT_TYPE_UPGRADED,
	notice.UpgradeFailed: dynlbv1.EventType_EVENT_TYPE_UPGRADE_FAILED,
	notice.Exited:        dynlbv1.EventType_EVENT_TYPE_EXITED,
}

func typeOf(t notice.EventType) dynlbv1.EventType { return types[t] }

// EventQuery says which events to read. Zero fields do not restrict them.
type EventQuery struct {
	App          string
	Instance     string // the first characters of its id
	Types        []dynlbv1.EventType
	Since, Until time.Time
	After        uint64 // those with a higher sequence number
	Limit        int    // required
	Newest       bool   // the newest ones first
	Token        string // of the page before
}

// ErrToken reports a Token that is none of a page before.
var ErrToken = errors.New("the page token is not one that was returned")

// Events returns a page of events, and the token of the next page; "" if there is none.
func (s *Store) Events(q EventQuery) (events []*dynlbv1.Event, next string, err error) {
	var at segment.Position
	if q.Token != "" {
		if n, err := fmt.Sscanf(q.Token, "%d.%d", &at.Segment, &at.Offset); n != 2 || err != nil || q.Token != tokenOf(at) {
			return nil, "", ErrToken
		}
	} else if !q.Newest && !q.Since.IsZero() {
		at = s.events.Seek(q.Since)
	}
	each := func(r segment.Record) bool {
		if q.over(r.Time) {
			return false
		}
		e := q.parse(r)
		if e == nil {
			return true
		}
		if len(events) == q.Limit {
			next = tokenOf(r.At)
			if q.Newest {
				next = tokenOf(r.Next) // back from here
			}
			return false
		}
		events = append(events, e)
		return true
	}
	if q.Newest {
		err = s.events.ReadBack(at, each)
	} else {
		err = s.events.Read(at, each)
	}
	if err != nil {
		return nil, "", fmt.Errorf("read events: %w", err)
	}
	return events, next, nil
}

func tokenOf(at segment.Position) string { return fmt.Sprintf("%d.%d", at.Segment, at.Offset) }

// disorder is how far the order of records may differ from that of their times: events of
// several apps are written in the order in which they are noticed.
const disorder = time.Minute

// over reports whether no event of the query can follow a record of a time.
func (q *EventQuery) over(at time.Time) bool {
	if q.Newest {
		return !q.Since.IsZero() && at.Before(q.Since.Add(-disorder))
	}
	return !q.Until.IsZero() && at.After(q.Until.Add(disorder))
}

// parse returns the event of a record, nil if it is not asked for.
func (q *EventQuery) parse(r segment.Record) *dynlbv1.Event {
	if !q.Since.IsZero() && r.Time.Before(q.Since) || !q.Until.IsZero() && !r.Time.Before(q.Until) {
		return nil
	}
	e := new(dynlbv1.Event)
	switch {
	case proto.Unmarshal(r.Payload, e) != nil,
		q.App != "" && e.GetApp() != q.App,
		!strings.HasPrefix(e.GetInstanceId(), q.Instance),
		e.GetSequence() <= q.After,
		len(q.Types) > 0 && !slices.Contains(q.Types, e.GetType()):
		return nil
	}
	return e
}

// EventsAfter returns the events of an app with a higher sequence number, oldest first.
// whole is false if there are more than limit, or the oldest event that is kept is not old
// enough to tell that none is missing.
func (s *Store) EventsAfter(app string, sequence uint64, limit int) (events []*dynlbv1.Event, whole bool, err error) {
	q := EventQuery{}
	err = s.events.ReadBack(segment.Position{}, func(r segment.Record) bool {
		e := q.parse(r)
		switch {
		case e == nil:
			return true
		case e.GetSequence() <= sequence && e.GetApp() == app:
			whole = true
			return false
		case e.GetApp() != app:
			return true
		case len(events) == limit:
			return false
		}
		events = append(events, e)
		return true
	})
	if err != nil {
		return nil, false, fmt.Errorf("read events: %w", err)
	}
	slices.Reverse(events)
	return events, whole, nil
}

// Last returns the highest sequence number among the newest events; 0 if there is none.
func (s *Store) Last() uint64 {
	last, n := uint64(0), 0
	q := EventQuery{}
	_ = s.events.ReadBack(segment.Position{}, func(r segment.Record) bool { // without it, the clock is enough
		if e := q.parse(r); e != nil {
			last = max(last, e.GetSequence())
		}
		n++
		return n < queueLength
	})
	return last
}
