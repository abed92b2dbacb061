package proxytest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
)

// The types of TLS records (RFC 8446, 5.1).
const (
	RecordHandshake = 22
	RecordData      = 23
)

// KeyUpdate is the message that asks the peer for new keys, and tells that the next
// record is under the new key of this side (RFC 8446, 4.6.3).
var KeyUpdate = []byte{24, 0, 0, 1, 1}

// Records is a client's side of a connection of TLS 1.3 that reads and writes its records
// by hand, as no package offers it. Its cipher is AES-128-GCM.
type Records struct {
	net.Conn
	in, out half
}

// half is one direction of Records.
type half struct {
	secret []byte
	aead   cipher.AEAD
	iv     []byte
	count  uint64
}

// NewRecords does a handshake on conn, and takes the keys from it.
func NewRecords(conn net.Conn) (*Records, error) {
	var keys bytes.Buffer
	config := ClientTLS("http/1.1")
	config.KeyLogWriter = &keys
	config.MinVersion = tls.VersionTLS13
	c := tls.Client(conn, config)
	if err := c.Handshake(); err != nil {
		return nil, err
	}
	if suite := c.ConnectionState().CipherSuite; suite != tls.TLS_AES_128_GCM_SHA256 {
		return nil, fmt.Errorf("the cipher is %s", tls.CipherSuiteName(suite))
	}
	r := &Records{Conn: conn}
	for line := range strings.Lines(keys.String()) {
		words := strings.Fields(line)
		secret, err := hex.DecodeString(words[2])
		if err != nil {
			return nil, err
		}
		switch words[0] {
		case "CLIENT_TRAFFIC_SECRET_0":
			err = r.out.rekey(secret)
		case "SERVER_TRAFFIC_SECRET_0":
			err = r.in.rekey(secret)
		}
		if err != nil {
			return nil, err
		}
	}
	return r, nil
}

// rekey begins to use a secret (RFC 8446, 7.3).
func (h *half) rekey(secret []byte) error {
	key, err := expand(secret, "key", 16)
	if err != nil {
		return err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	if h.aead, err = cipher.NewGCM(block); err != nil {
		return err
	}
	h.secret, h.count = secret, 0
	h.iv, err = expand(secret, "iv", 12)
	return err
}

// update begins to use the next secret (RFC 8446, 7.2).
func (h *half) update() error {
	next, err := expand(h.secret, "traffic upd", 32)
	if err != nil {
		return err
	}
	return h.rekey(next)
}

// expand is HKDF-Expand-Label without a context (RFC 8446, 7.1).
func expand(secret []byte, label string, n int) ([]byte, error) {
	info := append([]byte{byte(n >> 8), byte(n), byte(len("tls13 ") + len(label))}, "tls13 "+label...)
	return hkdf.Expand(sha256.New, secret, string(append(info, 0)), n)
}

// nonce returns that of the next record (RFC 8446, 5.3).
func (h *half) nonce() []byte {
	n := bytes.Clone(h.iv)
	binary.BigEndian.PutUint64(n[4:], binary.BigEndian.Uint64(n[4:])^h.count)
	h.count++
	return n
}

// Seal returns a record. After a KeyUpdate the next one is under the new key.
func (r *Records) Seal(kind byte, content []byte) ([]byte, error) {
	size := len(content) + 1 + r.out.aead.Overhead()
	header := []byte{RecordData, 3, 3, byte(size >> 8), byte(size)}
	record := r.out.aead.Seal(header, r.out.nonce(), append(bytes.Clone(content), kind), header)
	if kind == RecordHandshake && bytes.Equal(content, KeyUpdate) {
		return record, r.out.update()
	}
	return record, nil
}

// Next reads a record. After a KeyUpdate it expects the next one under the new key.
func (r *Records) Next() (kind byte, content []byte, err error) {
	header := make([]byte, 5)
	if _, err := io.ReadFull(r.Conn, header); err != nil {
		return 0, nil, err
	}
	record := make([]byte, binary.BigEndian.Uint16(header[3:]))
	if _, err := io.ReadFull(r.Conn, record); err != nil {
		return 0, nil, err
	}
	plain, err := r.in.aead.Open(nil, r.in.nonce(), record, header)
	if err != nil {
		return 0, nil, err
	}
	plain = bytes.TrimRight(plain, "\x00") // the padding
	if len(plain) == 0 {
		return 0, nil, errors.New("empty record")
	}
	kind, content = plain[len(plain)-1], plain[:len(plain)-1]
	if kind == RecordHandshake && content[0] == KeyUpdate[0] {
		err = r.in.update()
	}
	return kind, content, err
}
