package server

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// A session is what a browser has in place of the token, in a cookie that scripts cannot
// read. It is the time of its end and a random number, signed with a key that is made of the
// token: so sessions outlive a restart of dynlb, and another token ends all. What the server
// keeps is those that were logged out before their end.
const (
	sessionTime  = 12 * time.Hour
	sessionHead  = 8 + 8 // the end as Unix seconds, and the number
	sessionBytes = sessionHead + sha256.Size
)

// newSession returns a session that ends at the given time.
func newSession(token string, end time.Time) string {
	head := binary.BigEndian.AppendUint64(nil, uint64(end.Unix()))
	head = append(head, make([]byte, sessionHead-len(head))...)
	_, _ = rand.Read(head[8:]) // it does not fail
	return base64.RawURLEncoding.EncodeToString(append(head, signHead(token, head)...))
}

// validSession reports whether a session was made with the token and has not ended.
func validSession(token, session string, now time.Time) bool {
	raw, err := base64.RawURLEncoding.DecodeString(session)
	if err != nil || len(raw) != sessionBytes {
		return false
	}
	head, signature := raw[:sessionHead], raw[sessionHead:]
	return hmac.Equal(signature, signHead(token, head)) && now.Unix() < int64(binary.BigEndian.Uint64(head))
}

// signHead signs the head of a session.
func signHead(token string, head []byte) []byte {
	mac := hmac.New(sha256.New, []byte("dynlb session\x00"+token))
	mac.Write(head)
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
func (s *Server) hasSession(r *http.Request) bool {
	if s.auth.Token == nil {
		return false
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none": // of a program, of the dashboard, typed by a person
	default:
		return false
	}
	cookie, err := r.Cookie(sessionCookie(r))
	return err == nil && validSession(s.auth.Token.Value(), cookie.Value, time.Now()) && !s.sessions.ended(cookie.Value)
}

// admitRequest admits a request, which may have a session in place of the token.
func (s *Server) admitRequest(r *http.Request) *denial {
	authorization := r.Header.Values("Authorization")
	if len(authorization) == 0 && s.hasSession(r) {
		return Auth{TLS: s.auth.TLS}.admit(nil, r.TLS)
	}
	return s.auth.admit(authorization, r.TLS)
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

// logOut ends the session of a browser, and has it forgotten.
func (s *Server) logOut(w http.ResponseWriter, r *http.Request) {
	if s.hasSession(r) {
		cookie, _ := r.Cookie(sessionCookie(r)) // it is there
		peer := peerName(r.RemoteAddr, r.TLS)
		switch err := s.sessions.end(cookie.Value, time.Now()); {
		case errors.Is(err, errManyEnded):
			s.log.Warn("session forgotten by its browser, but a copy of it stays valid", "peer", peer, "error", err)
		case err != nil:
			s.log.Warn("session ended, but only until the next restart", "peer", peer, "error", err)
		default:
			s.log.Info("session ended", "peer", peer)
		}
	}
	s.setSession(w, r, "", -1)
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) setSession(w http.ResponseWriter, r *http.Request, session string, maxAge int) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure on TLS; admin HTTP may be plain
		Name: sessionCookie(r), Value: session, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode,
	})
}
