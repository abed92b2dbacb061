// Package sticky has the requests of one session go to the same instance. What a session
// is, an app's settings say: the holder of a cookie, the value of a field, or an address.
//
// Begin turns a request into a preference for the registry, by rendezvous hashing among
// the instances that may take it. Each instance has a hash with each session, and the
// highest one wins: when an instance is gone, only its own sessions move, each to an
// instance that all its requests agree on. A cookie names its instance, too, so that a new
// instance takes no session from the others.
//
// The package knows no socket and no clock. All is safe for concurrent use, but a Choice,
// which belongs to one request.
package sticky

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math"

	"github.com/cespare/xxhash/v2"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/http1"
)

// The sessions that there are.
const (
	ByCookie  = "cookie"
	ByHeader  = "header"
	ByAddress = "address"
)

// Settings say what a session is.
type Settings struct {
	// By is ByCookie, ByHeader or ByAddress. Empty: there are no sessions.
	By string
	// Header is the name of the field, and Cookie that of the cookie.
	Header, Cookie string
	// Moved is the name of the field of a response that tells that the instance of a
	// cookie is another one than before. Empty: no response tells.
	Moved string
	// Key is secret. All who have it agree on the instance of a session: this worker and the
	// next one, and several dynlbs in front of the same instances.
	Key [KeySize]byte
}

// KeySize is the size of Settings.Key: that of the hash that signs.
const KeySize = sha256.Size

// Rules are compiled Settings. The methods of nil do nothing.
type Rules struct {
	Settings
	cookie []byte // name=
	seed   uint64 // of all hashes, so that a client cannot choose them
	order  func(key []byte, id registry.ID) int
}

// New compiles settings. It returns nil if there are no sessions.
func New(s Settings) *Rules {
	if s.By == "" {
		return nil
	}
	own := sha256.Sum256(append([]byte("seed"), s.Key[:]...)) // the key itself signs
	rules := &Rules{Settings: s, cookie: []byte(s.Cookie + "="), seed: binary.LittleEndian.Uint64(own[:])}
	rules.order = rules.rank // bound once, not for each request
	return rules
}

// The parts of a cookie, before it is encoded: the session, the instance, and the
// signature of both.
const (
	keySize       = 8
	tagSize       = 8
	signatureSize = 16
	cookieSize    = keySize + tagSize + signatureSize
)

// Choice is what is known of the session of one request. The zero value has none.
type Choice struct {
	key    [keySize + tagSize]byte // of the session and, with a cookie, of the instance
	known  bool                    // key is that of a cookie
	secure bool                    // the client speaks TLS
}

// Begin returns the preference of a request. client is the address of the client, and
// secure tells that it speaks TLS. The preference refers to c until the claim has ended.
func (rules *Rules) Begin(c *Choice, r *http1.Request, client []byte, secure bool) (p registry.Preference) {
	if rules == nil {
		return p
	}
	c.secure = secure
	switch rules.By {
	case ByCookie:
		if c.known = rules.find(c, r); c.known {
			return registry.Preference{Rank: rules.order, Key: c.key[:]}
		}
		return p // the least loaded instance, which the cookie will name
	case ByHeader:
		client = nil
		for i := range r.Fields {
			if bytes.EqualFold(r.Fields[i].Name, []byte(rules.Header)) {
				client = r.Fields[i].Value
				break
			}
		}
	}
	if len(client) == 0 {
		return p
	}
	binary.LittleEndian.PutUint64(c.key[:], rules.hash(client))
	return registry.Preference{Rank: rules.order, Key: c.key[:keySize]}
}

// Respond adds the cookie to the head of a final response of an instance, unless the
// client has it.
func (rules *Rules) Respond(c *Choice, r *http1.Response, id registry.ID) {
	if rules == nil || rules.By != ByCookie {
		return
	}
	now := rules.tag(id)
	if c.known && binary.LittleEndian.Uint64(c.key[keySize:]) == now {
		return
	}
	if !c.known {
		_, _ = rand.Read(c.key[:keySize]) // it never fails
	} else if rules.Moved != "" {
		r.Fields = append(r.Fields, http1.Field{Name: []byte(rules.Moved), Value: []byte("1")})
	}
	binary.LittleEndian.PutUint64(c.key[keySize:], now)
	r.Fields = append(r.Fields, http1.Field{Name: []byte("Set-Cookie"), Value: rules.write(c)})
}

// hash returns the hash of what names a session.
func (rules *Rules) hash(b []byte) uint64 {
	var d xxhash.Digest
	d.ResetWithSeed(rules.seed)
	_, _ = d.Write(b) // it never fails
	return d.Sum64()
}

// tag returns the hash of an instance.
func (rules *Rules) tag(id registry.ID) uint64 {
	var d xxhash.Digest
	d.ResetWithSeed(rules.seed)
	_, _ = d.WriteString(string(id)) // it never fails
	return d.Sum64()
}

// rank is the registry.Preference.Rank of a session.
func (rules *Rules) rank(key []byte, id registry.ID) int {
	instance := rules.tag(id)
	if len(key) > keySize && binary.LittleEndian.Uint64(key[keySize:]) == instance {
		return math.MaxInt
	}
	// The finalizer of SplitMix64 spreads the bits of both.
	h := instance ^ binary.LittleEndian.Uint64(key)
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return int((h ^ h>>31) >> 2)
}

// write returns the value of Set-Cookie.
func (rules *Rules) write(c *Choice) []byte {
	b := append(make([]byte, 0, 128), rules.cookie...)
	b = base64.RawURLEncoding.AppendEncode(b, append(c.key[:], rules.sign(c.key[:])...))
	b = append(b, "; Path=/; HttpOnly; SameSite=Lax"...)
	if c.secure {
		b = append(b, "; Secure"...)
	}
	return b
}

// sign returns the signature of a key for this cookie.
func (rules *Rules) sign(key []byte) []byte {
	h := hmac.New(sha256.New, rules.Key[:])
	h.Write(rules.cookie)
	h.Write(key)
	return h.Sum(nil)[:signatureSize]
}

// find reads the cookie of a request into c. It reports whether there is a valid one.
func (rules *Rules) find(c *Choice, r *http1.Request) bool {
	for i := range r.Fields {
		if !bytes.EqualFold(r.Fields[i].Name, []byte("Cookie")) {
			continue
		}
		for rest := r.Fields[i].Value; len(rest) > 0; {
			var pair []byte
			pair, rest, _ = bytes.Cut(rest, []byte(";"))
			value, ok := bytes.CutPrefix(bytes.TrimLeft(pair, " "), rules.cookie)
			if ok && rules.read(c, value) {
				return true
			}
		}
	}
	return false
}

// read reads the value of a cookie into c. It reports whether it is valid.
func (rules *Rules) read(c *Choice, value []byte) bool {
	var b [cookieSize + 2]byte // room for what is too long
	if base64.RawURLEncoding.DecodedLen(len(value)) != cookieSize {
		return false
	}
	if n, err := base64.RawURLEncoding.Decode(b[:], value); err != nil || n != cookieSize {
		return false
	}
	key, signature := b[:keySize+tagSize], b[keySize+tagSize:cookieSize]
	if !hmac.Equal(signature, rules.sign(key)) {
		return false
	}
	copy(c.key[:], key)
	return true
}
