// Package certificates has the certificates of the public listener.
//
//	Manager    the config of TLS, which stays the same while the certificates change
//	Set        the certificates of one configuration
//	files      certificates from files, read again when they change
//	authority  certificates that an authority of this machine signs, for development
//	acme       certificates that a public authority signs
//
// A handshake never waits for a certificate: what it needs is in memory, or is signed at
// once by the authority of this machine. The network and the disk belong to goroutines
// of their own.
package certificates
