package server

import (
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// documents is a Store in memory.
type documents struct {
	mu  sync.Mutex
	all map[string][]byte
}

func (d *documents) Load(name string, v any) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	raw, found := d.all[name]
	if !found {
		return false, nil
	}
	return true, json.Unmarshal(raw, v)
}

func (d *documents) Save(name string, v any) (err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all[name], err = json.Marshal(v)
	return err
}

// TestLogOutEndsTheSession: a copy of the cookie is worth nothing after the logout, and
// other sessions go on.
func TestLogOutEndsTheSession(t *testing.T) {
	t.Parallel()
	token := goodToken
	p := startWithAuth(t, Auth{Token: held(t, &token)})
	one, _ := logInWith(t, p, token)
	two, _ := logInWith(t, p, token)
	status := func(cookie *http.Cookie) int {
		resp, _ := p.do(t, http.MethodGet, "/v1/apps", "", "Cookie", cookie.Name+"="+cookie.Value)
		return resp.StatusCode
	}
	if one.Value == two.Value || status(one) != http.StatusOK || status(two) != http.StatusOK {
		t.Fatalf("sessions %v and %v", one, two)
	}
	p.do(t, http.MethodPost, "/logout", "{}", "Cookie", one.Name+"="+one.Value, "Content-Type", "application/json")
	if got := status(one); got != http.StatusUnauthorized {
		t.Errorf("the session that was logged out: %d", got)
	}
	if got := status(two); got != http.StatusOK {
		t.Errorf("the other session: %d", got)
	}
}

// TestEndedSessionsAreKept: over a restart, as long as they would have been valid.
func TestEndedSessionsAreKept(t *testing.T) {
	t.Parallel()
	store := &documents{all: map[string][]byte{}}
	now := time.Now()
	session, other := newSession("token", now.Add(sessionTime)), newSession("token", now.Add(sessionTime))
	before, err := NewSessions(store)
	if err != nil || before.end(session, now) != nil {
		t.Fatal(err)
	}
	after, err := NewSessions(store)
	if err != nil || !after.ended(session) || after.ended(other) || after.ended("") {
		t.Errorf("after a restart: %v, %v", after.gone, err)
	}
	if err := after.end(other, now.Add(sessionTime)); err != nil || len(after.gone) != 1 {
		t.Errorf("%d sessions are kept, %v; want the one that could be valid", len(after.gone), err)
	}
	store.all[sessionsDocument] = []byte("{")
	if s, err := NewSessions(store); err == nil || s.ended(session) {
		t.Errorf("a document that is damaged: %v", err)
	}
}

// TestManySessionsEnded: a session that could not be ended is not reported as ended.
func TestManySessionsEnded(t *testing.T) {
	t.Parallel()
	sessions, err := NewSessions(nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxEnded {
		sessions.gone[strconv.Itoa(i)] = time.Now().Add(time.Hour)
	}
	token := goodToken
	var dialer net.Dialer
	p := startOn(t, Options{Auth: Auth{Token: held(t, &token)}, Sessions: sessions}, listen(t), listen(t), dialer.DialContext)
	one, _ := logInWith(t, p, token)
	p.do(t, http.MethodPost, "/logout", "{}", "Cookie", one.Name+"="+one.Value, "Content-Type", "application/json")
	if log := p.log.String(); strings.Contains(log, "session ended") || !strings.Contains(log, "a copy of it stays valid") {
		t.Errorf("log: %s", log)
	}
}
