package edge

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"runtime"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/dynlb/dynlb/internal/htpasswd"
	"github.com/dynlb/dynlb/proxy/http1"
)

// challenge asks a client for a name and a password (RFC 7617).
const challenge = `Basic realm="dynlb", charset="UTF-8"`

// maxRemembered bounds the credentials whose verdict is remembered, right and wrong ones
// apart: a flood of guesses must not make users wait.
const maxRemembered = 1024

// maxVerifyWait bounds how long a request waits for other passwords to be verified: that
// of some hundred guesses.
const maxVerifyWait = 5 * time.Second

// Users are names with passwords. Create them with ParseUsers. They are safe for
// concurrent use.
//
// A hash of bcrypt takes some 50 ms to verify, so that the verdict on the credentials of
// a request is remembered, by a keyed digest of them. Verifying is bounded to half of the
// processors.
type Users struct {
	passwords map[string]password
	unknown   *password // takes the time of the others, for names that there are not
	key       [32]byte  // of the digests
	verifying chan struct{}

	mu           sync.Mutex // guards all below
	right, wrong map[digest]struct{}
}

type digest [sha256.Size]byte

// password is the hash of one, by bcrypt, or if that is nil by SHA-256.
type password struct {
	bcrypt []byte
	plain  digest
}

// ParseUsers reads users as htpasswd.Parse does.
func ParseUsers(text []byte) (*Users, error) {
	list, err := htpasswd.Parse(text)
	if err != nil {
		return nil, err
	}
	u := &Users{
		passwords: map[string]password{}, right: map[digest]struct{}{}, wrong: map[digest]struct{}{},
		verifying: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
	}
	_, _ = rand.Read(u.key[:]) // it does not fail
	for i := range list {
		p := password{bcrypt: list[i].Bcrypt}
		if p.bcrypt == nil {
			p.plain = sha256.Sum256([]byte(list[i].Plain))
		} else {
			u.unknown = &p
		}
		u.passwords[list[i].Name] = p
	}
	return u, nil
}

// credentials returns the value of Authorization, decoded. ok reports whether there is
// exactly one, of basic authentication: the app might take another one of several.
func credentials(r *http1.Request) (value, secret []byte, ok bool) {
	for i := range r.Fields {
		f := &r.Fields[i]
		if !is(f.Name, "authorization") {
			continue
		}
		if value != nil {
			return nil, nil, false
		}
		value = f.Value
	}
	scheme, encoded, _ := bytes.Cut(value, []byte(" "))
	if !is(scheme, "basic") {
		return nil, nil, false
	}
	secret, err := base64.StdEncoding.AppendDecode(nil, bytes.TrimLeft(encoded, " "))
	return value, secret, err == nil
}

// mayBlock reports whether the verdict on credentials can take long: a hash is of bcrypt.
func (u *Users) mayBlock() bool { return u != nil && u.unknown != nil }

// blocks reports whether the verdict on the credentials of a request takes long.
func (u *Users) blocks(r *http1.Request) bool {
	if !u.mayBlock() {
		return false
	}
	value, _, ok := credentials(r)
	if !ok {
		return false
	}
	_, known := u.remembered(u.digest(value))
	return !known
}

// The verdicts on a request's credentials that are not the name of a user.
var (
	errCredentials = errors.New("the app needs a name and a password")
	errVerifying   = errors.New("too many passwords wait to be verified")
)

// verify returns the name of the user that a request is from, errCredentials if there is
// none, or errVerifying. It may take long.
func (u *Users) verify(r *http1.Request) (name []byte, err error) {
	value, secret, ok := credentials(r)
	if !ok {
		return nil, errCredentials
	}
	name, given, ok := bytes.Cut(secret, []byte(":"))
	if !ok {
		return nil, errCredentials
	}
	key := u.digest(value)
	right, known := u.remembered(key)
	if !known {
		if right, err = u.compare(name, given); err != nil {
			return nil, err
		}
		u.remember(key, right)
	}
	if !right {
		return nil, errCredentials
	}
	return name, nil
}

// compare reports whether a password is that of a user.
func (u *Users) compare(name, given []byte) (bool, error) {
	p, exists := u.passwords[string(name)]
	if !exists && u.unknown != nil {
		p = *u.unknown
	}
	if p.bcrypt == nil {
		sum := sha256.Sum256(given)
		return subtle.ConstantTimeCompare(sum[:], p.plain[:]) == 1 && exists, nil
	}
	late := time.NewTimer(maxVerifyWait)
	defer late.Stop()
	select {
	case u.verifying <- struct{}{}:
	case <-late.C:
		return false, errVerifying
	}
	defer func() { <-u.verifying }()
	return bcrypt.CompareHashAndPassword(p.bcrypt, given) == nil && exists, nil
}

// digest returns what credentials are remembered by.
func (u *Users) digest(value []byte) digest {
	b := make([]byte, 0, 256)
	return sha256.Sum256(append(append(b, u.key[:]...), value...))
}

func (u *Users) remembered(key digest) (right, known bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, right = u.right[key]; right {
		return true, true
	}
	_, known = u.wrong[key]
	return false, known
}

func (u *Users) remember(key digest, right bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	verdicts := u.wrong
	if right {
		verdicts = u.right
	}
	if len(verdicts) >= maxRemembered {
		clear(verdicts)
	}
	verdicts[key] = struct{}{}
}
