package server

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// logInWith returns the cookie of a new session, as a browser sends it.
func logInWith(t *testing.T, p *plane, token string) (cookie *http.Cookie, resp *http.Response) {
	t.Helper()
	resp, _ = p.do(t, http.MethodPost, "/login", `{"token":"`+token+`"}`, "Content-Type", "application/json")
	if all := resp.Cookies(); len(all) > 0 {
		return all[0], resp
	}
	return nil, resp
}

// TestSession: the token buys a session, with which a browser may do all that the token
// allows, until it logs out, the session ends or the token changes.
func TestSession(t *testing.T) {
	t.Parallel()
	token := goodToken
	p := startWithAuth(t, Auth{Token: held(t, &token)})
	if resp, _ := p.do(t, http.MethodGet, "/v1/apps", ""); resp.StatusCode != http.StatusUnauthorized {
		t.Fatalf("without a session: %s", resp.Status)
	}
	if cookie, resp := logInWith(t, p, "wrong"); cookie != nil || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("wrong token: %s, %v", resp.Status, cookie)
	}
	cookie, resp := logInWith(t, p, token)
	if resp.StatusCode != http.StatusNoContent || cookie == nil {
		t.Fatalf("log in: %s", resp.Status)
	}
	_, port, _ := strings.Cut(strings.TrimPrefix(p.base, "http://"), ":")
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/" || cookie.Name != "dynlb_session_"+port ||
		cookie.MaxAge != int(sessionTime.Seconds()) || cookie.Secure || strings.Contains(cookie.Value, token) {
		t.Errorf("cookie %v", cookie)
	}
	as := cookie.Name + "=" + cookie.Value
	if resp, body := p.do(t, http.MethodGet, "/v1/apps", "", "Cookie", as); resp.StatusCode != http.StatusOK {
		t.Errorf("with a session: %s %s", resp.Status, body)
	}
	if resp, body := p.do(t, http.MethodPost, "/v1/pause", "{}", "Cookie", as, "Content-Type", "application/json", "Sec-Fetch-Site", "same-origin"); resp.StatusCode != http.StatusOK {
		t.Errorf("write with a session: %s %s", resp.Status, body)
	}
	resp, _ = p.do(t, http.MethodPost, "/logout", "{}", "Cookie", as, "Content-Type", "application/json")
	if out := resp.Cookies(); len(out) != 1 || out[0].Name != cookie.Name || out[0].MaxAge >= 0 || out[0].Value != "" {
		t.Errorf("log out: %s, %v", resp.Status, out)
	}
	if log := p.log.String(); !strings.Contains(log, `msg="session began" peer=127.0.0.1:`) || strings.Contains(log, token) {
		t.Errorf("log: %s", log)
	}
}

// TestForeignSession: a session is refused to pages on another port of the host, whose
// requests carry the cookie, and one that was forged, has ended or is of another token
// is none.
func TestForeignSession(t *testing.T) {
	t.Parallel()
	token := goodToken
	p := startWithAuth(t, Auth{Token: held(t, &token)})
	cookie, _ := logInWith(t, p, token)
	if cookie == nil {
		t.Fatal("no session")
	}
	later := time.Now().Add(time.Hour)
	valid := newSession(token, later)
	for _, c := range []struct {
		name, session string
		header        []string
		status        int
	}{
		{"valid", valid, nil, http.StatusOK},
		{"another port, no-cors", valid, []string{"Sec-Fetch-Site", "same-site"}, http.StatusUnauthorized},
		{"another site", valid, []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{"another origin", valid, []string{"Origin", "http://localhost:1"}, http.StatusForbidden},
		{"with a wrong token beside", valid, []string{"Authorization", "Bearer wrong"}, http.StatusUnauthorized},
		{"of another token", newSession("another token", later), nil, http.StatusUnauthorized},
		{"has ended", newSession(token, time.Now().Add(-time.Second)), nil, http.StatusUnauthorized},
		{"a later end", newSession(token, later.Add(time.Hour))[:11] + valid[11:], nil, http.StatusUnauthorized},
		{"cut", valid[:20], nil, http.StatusUnauthorized},
		{"empty", "", nil, http.StatusUnauthorized},
		{"no base64", "!!!!", nil, http.StatusUnauthorized},
	} {
		header := append([]string{"Cookie", cookie.Name + "=" + c.session}, c.header...)
		if resp, body := p.do(t, http.MethodGet, "/v1/apps", "", header...); resp.StatusCode != c.status {
			t.Errorf("%s: %s %s, want %d", c.name, resp.Status, body, c.status)
		}
	}
	if !validSession(token, valid, later.Add(-time.Second)) || validSession(token, valid, later) {
		t.Error("the end of a session is not the one that it was made with")
	}
}

// TestLoginForms: the form is refused unless it is JSON of the same origin.
func TestLoginForms(t *testing.T) {
	t.Parallel()
	token := goodToken
	p := startWithAuth(t, Auth{Token: held(t, &token)})
	for _, c := range []struct {
		method, path, body string
		header             []string
		status             int
	}{
		{"GET", "/login", "", nil, http.StatusMethodNotAllowed},
		{"GET", "/logout", "", nil, http.StatusMethodNotAllowed},
		{"POST", "/login", "token=" + token, []string{"Content-Type", "application/x-www-form-urlencoded"}, http.StatusUnsupportedMediaType},
		{"POST", "/login", "{", []string{"Content-Type", "application/json"}, http.StatusBadRequest},
		{"POST", "/login", `{"token":"` + token + `"}`, []string{"Content-Type", "application/json", "Origin", "http://localhost:1"}, http.StatusForbidden},
	} {
		resp, body := p.do(t, c.method, c.path, c.body, c.header...)
		if resp.StatusCode != c.status || len(resp.Cookies()) > 0 {
			t.Errorf("%s %s: %s %s %v, want %d", c.method, c.path, resp.Status, body, resp.Cookies(), c.status)
		}
	}
}

// TestPageWithoutToken: browsers get the page, which holds no secret, and other clients
// the list of the paths, for which they need the token.
func TestPageWithoutToken(t *testing.T) {
	t.Parallel()
	token := goodToken
	p := startWithAuth(t, Auth{Token: held(t, &token)})
	resp, body := p.do(t, http.MethodGet, "/", "", "Accept", "text/html,*/*;q=0.8")
	if resp.StatusCode != http.StatusOK || !strings.Contains(body, "<title>dynlb</title>") || !strings.Contains(resp.Header.Get("Vary"), "Accept") {
		t.Errorf("a browser: %s %q", resp.Status, body)
	}
	if resp, body := p.do(t, http.MethodGet, "/", ""); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("another client: %s %s", resp.Status, body)
	}
	if resp, body := p.do(t, http.MethodGet, "/", "", "Authorization", "Bearer "+token); !strings.Contains(body, "POST /v1/scale") {
		t.Errorf("another client with a token: %s %s", resp.Status, body)
	}
	if resp, _ := p.do(t, http.MethodGet, "/assets/none.js", ""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("no such file: %s", resp.Status)
	}
}

// TestPageWithoutCertificate: where clients need a certificate, the page is for those
// that have one.
func TestPageWithoutCertificate(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	p := startWithAuth(t, Auth{TLS: held(t, &Certificates{Pair: ca.server(t), ClientCAs: ca.pool()})})
	for _, path := range []string{"/assets/none.js", "/"} {
		resp, text, err := p.visit(t, trusting(ca), "").get(t, path, "")
		if err != nil || resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s without a certificate: %v %s", path, err, text)
		}
	}
}
