package cli

import "strings"

// connectHint says what to do about a connection that failed with a message, to
// what turned out to be there.
func connectHint(message string, what listener) string {
	if strings.Contains(message, "preface") {
		if what == speaksTLS {
			return "it speaks TLS there; give --tls-ca, the authority of its certificate (auth.tls.cert, if that signed itself)"
		}
		return "that is not the gRPC listener of a dynlb; another address: --admin host:port"
	}
	for _, hint := range []struct{ sign, text string }{
		{"remote error: tls:", "it does not take this client's certificate; give one of auth.tls.clientCA with --tls-cert and --tls-key"},
		{"first record does not look like a TLS handshake", "it does not speak TLS there; leave out the --tls flags"},
		{"certificate is valid for", "give one of these names with --tls-server-name"},
		{"cannot validate certificate for", "give a name that is in its certificate with --tls-server-name"},
		{"certificate is not valid for any names", "its certificate needs a name; make one with a subject alternative name"},
		{"signed by unknown authority", "give the authority of its certificate with --tls-ca (auth.tls.cert, if that signed itself)"},
	} {
		if strings.Contains(message, hint.sign) {
			return hint.text
		}
	}
	return "is it running ('dynlb serve')? another address: --admin host:port"
}

// deniedHint says what to pass to be let in, after a denial with a message.
func deniedHint(message string) string {
	if strings.Contains(message, "certificate") {
		return "give --tls-cert and --tls-key, signed by auth.tls.clientCA"
	}
	return "give --token-file, the file that auth.tokenFile names"
}
