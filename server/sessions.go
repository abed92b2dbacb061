package server

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"sync"
	"time"
)

// maxEnded bounds the sessions that are known to have been logged out. It takes the token
// to make one.
const maxEnded = 10_000

// sessionsDocument is the name of the document that keeps them.
const sessionsDocument = "sessions"

// Store keeps documents over a restart.
type Store interface {
	Load(name string, v any) (found bool, err error)
	Save(name string, v any) error
}

// Sessions are the sessions that were logged out before their end: a copy of the cookie is
// worth nothing from then on. Servers that follow each other share them. Create one with
// NewSessions. It is safe for concurrent use.
type Sessions struct {
	store Store // nil: a restart forgets them

	mu   sync.Mutex
	gone map[string]time.Time // by when they would have ended
}

// NewSessions returns the Sessions that a store has kept. Nil: none are kept. With an error
// they are usable, and begin empty.
func NewSessions(store Store) (*Sessions, error) {
	s := &Sessions{store: store, gone: map[string]time.Time{}}
	if store == nil {
		return s, nil
	}
	if _, err := store.Load(sessionsDocument, &s.gone); err != nil {
		s.gone = map[string]time.Time{}
		return s, fmt.Errorf("load sessions: %w", err)
	}
	return s, nil
}

// ended reports whether a session was ended.
func (s *Sessions) ended(session string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ended := s.gone[nameOf(session)]
	return ended
}

// errManyEnded reports that a session was not ended, because too many others were.
var errManyEnded = fmt.Errorf("%d sessions were ended within %v, which is the maximum", maxEnded, sessionTime)

// end ends a session. The error is errManyEnded, or that it could not be kept.
func (s *Sessions) end(session string, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.gone, func(_ string, end time.Time) bool { return !now.Before(end) })
	if len(s.gone) >= maxEnded {
		return errManyEnded
	}
	s.gone[nameOf(session)] = now.Add(sessionTime)
	if s.store == nil {
		return nil
	}
	return s.store.Save(sessionsDocument, s.gone)
}

// nameOf returns the part of a valid session that tells it from others: its head. The
// signature, which makes it worth something, is not kept.
func nameOf(session string) string {
	raw, err := base64.RawURLEncoding.DecodeString(session)
	if err != nil {
		return ""
	}
	return hex.EncodeToString(raw[:min(len(raw), sessionHead)])
}
