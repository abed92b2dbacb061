package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"
)

// A session is what a browser has in place of the token, in a cookie that scripts cannot
// read. It is the time of its end, signed with a key that is made of the token: so the
// server keeps nothing, sessions outlive a restart of dynlb, and another token ends all.
const (
	sessionTime  = 12 * time.Hour
	sessionBytes = 8 + sha256.Size // the end as Unix seconds, and its signature
)

// newSession returns a session that ends at the given time.
func newSession(token string, end time.Time) string {
	raw := binary.BigEndian.AppendUint64(nil, uint64(end.Unix()))
	return base64.RawURLEncoding.EncodeToString(append(raw, signEnd(token, raw)...))
}

// validSession reports whether a session was made with the token and has not ended.
func validSession(token, session string, now time.Time) bool {
	raw, err := base64.RawURLEncoding.DecodeString(session)
	if err != nil || len(raw) != sessionBytes {
		return false
	}
	end, signature := raw[:8], raw[8:]
	return hmac.Equal(signature, signEnd(token, end)) && now.Unix() < int64(binary.BigEndian.Uint64(end))
}

// signEnd signs the end of a session.
func signEnd(token string, end []byte) []byte {
	mac := hmac.New(sha256.New, []byte("dynlb session\x00"+token))
	mac.Write(end)
	return mac.Sum(nil)
}

// sessionCookie returns the name of the cookie. Browsers send the cookies of a host to
// all its ports, so each dynlb of a host needs a name of its own.
func sessionCookie(r *http.Request) string {
	_, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		return "dynlb_session"
	}
	return "dynlb_session_" + port
}

// hasSession reports whether a request carries a valid session, and may use it. A page
// on another port of the same host is of the same site, so its requests carry the cookie
// too. They are not from the same origin, and are refused here.
func (a Auth) hasSession(r *http.Request) bool {
	if a.Token == nil {
		return false
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none": // of a program, of the dashboard, typed by a person
	default:
		return false
	}
	cookie, err := r.Cookie(sessionCookie(r))
	return err == nil && validSession(a.Token.Value(), cookie.Value, time.Now())
}

// admitRequest is admit for a request, which may have a session in place of the token.
func (a Auth) admitRequest(r *http.Request) *denial {
	authorization := r.Header.Values("Authorization")
	if len(authorization) == 0 && a.hasSession(r) {
		return Auth{TLS: a.TLS}.admit(nil, r.TLS)
	}
	return a.admit(authorization, r.TLS)
}

// admitCertificate passes requests to h that have the required certificate, with or
// without a token.
func (s *Server) admitCertificate(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if denial := (Auth{TLS: s.auth.TLS}).admit(nil, r.TLS); denial != nil {
			s.denials.note(s, peerName(r.RemoteAddr, r.TLS), r.Method+" "+r.URL.Path, denial.text)
			writeError(w, http.StatusForbidden, denial.text)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// logIn answers a request that has the token, as {"token": "..."}, with a session.
func (s *Server) logIn(w http.ResponseWriter, r *http.Request) {
	var form struct {
		Token string `json:"token"`
	}
	if err := json.NewDecoder(r.Body).Decode(&form); err != nil {
		writeError(w, http.StatusBadRequest, fmt.Sprintf("read JSON: %v", err))
		return
	}
	peer := peerName(r.RemoteAddr, r.TLS)
	if denial := s.auth.admit([]string{"Bearer " + form.Token}, r.TLS); denial != nil {
		s.denials.note(s, peer, r.Method+" "+r.URL.Path, denial.text)
		writeError(w, http.StatusUnauthorized, denial.text)
		return
	}
	if s.auth.Token != nil {
		s.setSession(w, r, newSession(s.auth.Token.Value(), time.Now().Add(sessionTime)), int(sessionTime.Seconds()))
		s.log.Info("session began", "peer", peer)
	}
	w.WriteHeader(http.StatusNoContent)
}

// logOut has the browser forget its session.
func (s *Server) logOut(w http.ResponseWriter, r *http.Request) {
	s.setSession(w, r, "", -1)
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) setSession(w http.ResponseWriter, r *http.Request, session string, maxAge int) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure on TLS; admin HTTP may be plain
		Name: sessionCookie(r), Value: session, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode,
	})
}
