package sticky

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/http1"
)

// request parses a request with the given fields.
func request(t testing.TB, fields string) *http1.Request {
	t.Helper()
	r := http1.NewRequest(http1.Limits{})
	head := []byte("GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n")
	if n, err := r.Parse(head); n != len(head) || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	return r
}

// issue returns the cookie that a client gets from an instance, as it sends it, and the
// whole Set-Cookie. fields are those of the request.
func issue(t testing.TB, rules *Rules, fields string, id registry.ID, secure bool) (cookie, all string, moved bool) {
	t.Helper()
	var c Choice
	rules.Begin(&c, request(t, fields), nil, secure)
	var res http1.Response
	rules.Respond(&c, &res, id)
	for _, f := range res.Fields {
		if string(f.Name) == "Set-Cookie" {
			all = string(f.Value)
		} else {
			moved = true
		}
	}
	cookie, _, _ = strings.Cut(all, ";")
	return cookie, all, moved
}

// TestCookie: a client gets a cookie once, which leads to the same instance. It gets
// another one when another instance has answered.
func TestCookie(t *testing.T) {
	t.Parallel()
	rules := New(Settings{By: ByCookie, Cookie: "dynlb", Moved: "X-Moved"})
	cookie, all, moved := issue(t, rules, "", "a", false)
	if !strings.HasSuffix(all, "; Path=/; HttpOnly; SameSite=Lax") || moved || strings.Contains(all, "a;") {
		t.Errorf("cookie %q, moved %v", all, moved)
	}
	if _, all, _ := issue(t, rules, "", "a", true); !strings.HasSuffix(all, "; Secure") {
		t.Errorf("over TLS: %q", all)
	}
	sent := "Cookie: x=1; " + cookie + "; y=2\r\n"
	if _, all, moved := issue(t, rules, sent, "a", false); all != "" || moved {
		t.Errorf("again: %q, moved %v", all, moved)
	}
	other, _, moved := issue(t, rules, sent, "b", false)
	if other == "" || other == cookie || !moved {
		t.Errorf("from another instance: %q, moved %v", other, moved)
	}
	var c Choice
	p := rules.Begin(&c, request(t, sent), nil, false)
	for i := range 100 {
		if id := registry.ID(fmt.Sprint(i)); p.Rank(p.Key, id) >= p.Rank(p.Key, "a") {
			t.Errorf("instance %s ranks as high as that of the cookie", id)
		}
	}
}

// TestForgedCookie: a cookie that dynlb has not signed for this app has no effect.
func TestForgedCookie(t *testing.T) {
	t.Parallel()
	rules := New(Settings{By: ByCookie, Cookie: "dynlb"})
	cookie, _, _ := issue(t, rules, "", "a", false)
	foreign, _, _ := issue(t, New(Settings{By: ByCookie, Cookie: "dynlb-b"}), "", "a", false)
	changed := []byte(cookie)
	changed[len("dynlb=")] ^= 1
	for _, forged := range []string{"", "dynlb=", "dynlb=x", cookie + "A", cookie[:len(cookie)-1], string(changed), strings.Replace(foreign, "dynlb-b", "dynlb", 1)} {
		var c Choice
		if p := rules.Begin(&c, request(t, "Cookie: "+forged+"\r\n"), nil, false); p.Rank != nil {
			t.Errorf("%q is believed", forged)
		}
	}
	var c Choice
	if p := rules.Begin(&c, request(t, "Cookie: dynlb=x\r\nCookie: a=b;"+cookie+"\r\n"), nil, false); p.Rank == nil {
		t.Error("the valid one of two is not found")
	}
}

// TestRendezvous: sessions spread over the instances, and when one is gone only its own
// move.
func TestRendezvous(t *testing.T) {
	t.Parallel()
	rules := New(Settings{By: ByHeader, Header: "X-Session"})
	ids := []registry.ID{"a", "b", "c", "d"}
	best := func(session string, ids []registry.ID) registry.ID {
		var c Choice
		p := rules.Begin(&c, request(t, "x-session: "+session+"\r\n"), []byte("ignored"), false)
		best := ids[0]
		for _, id := range ids {
			if p.Rank(p.Key, id) > p.Rank(p.Key, best) {
				best = id
			}
		}
		return best
	}
	counts := map[registry.ID]int{}
	const sessions = 4000
	for i := range sessions {
		session := fmt.Sprint(i)
		before := best(session, ids)
		counts[before]++
		if after := best(session, ids[:3]); before != "d" && after != before {
			t.Errorf("session %d moved from %s to %s though %s stays", i, before, after, before)
		}
	}
	for _, id := range ids {
		if n := counts[id]; n < sessions/5 || n > sessions/3 {
			t.Errorf("%d of %d sessions at %s", n, sessions, id)
		}
	}
}

// TestNoSession: a request without a session has no preference.
func TestNoSession(t *testing.T) {
	t.Parallel()
	for _, rules := range []*Rules{nil, New(Settings{}), New(Settings{By: ByHeader, Header: "X-Session"}), New(Settings{By: ByAddress})} {
		var c Choice
		if p := rules.Begin(&c, request(t, "X-Session:\r\n"), nil, false); p.Rank != nil {
			t.Errorf("%+v: a preference", rules)
		}
		var res http1.Response
		rules.Respond(&c, &res, "a")
		if len(res.Fields) > 0 {
			t.Errorf("%+v: fields %v", rules, res.Fields)
		}
	}
	var c Choice
	if p := New(Settings{By: ByAddress}).Begin(&c, request(t, ""), []byte("192.0.2.1"), false); p.Rank == nil {
		t.Error("no preference by address")
	}
}

// TestSameKey: rules with one key agree on the instances of sessions, and believe each other's
// cookies; those with another key do not.
func TestSameKey(t *testing.T) {
	t.Parallel()
	for _, key := range [][KeySize]byte{{1}, {2}} {
		byCookie := Settings{By: ByCookie, Cookie: "dynlb", Key: [KeySize]byte{1}}
		byHeader := Settings{By: ByHeader, Header: "X-Session", Key: [KeySize]byte{1}}
		cookie, _, _ := issue(t, New(byCookie), "", "a", false)
		same := 0
		ranks := func(id registry.ID) int {
			var c Choice
			p := New(byHeader).Begin(&c, request(t, "X-Session: s\r\n"), nil, false)
			return p.Rank(p.Key, id)
		}
		before := []int{ranks("a"), ranks("b"), ranks("c")}
		byCookie.Key, byHeader.Key = key, key
		for i, id := range []registry.ID{"a", "b", "c"} {
			if ranks(id) == before[i] {
				same++
			}
		}
		var c Choice
		p := New(byCookie).Begin(&c, request(t, "Cookie: "+cookie+"\r\n"), nil, false)
		if believed, want := p.Rank != nil, key[0] == 1; believed != want || (same == 3) != want {
			t.Errorf("key %d: the cookie is believed: %t; %d of 3 ranks are the same", key[0], believed, same)
		}
	}
}
