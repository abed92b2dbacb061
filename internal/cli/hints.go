package cli

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/dynlb/dynlb/internal/runs"
	"github.com/dynlb/dynlb/internal/terminal"
)

// connectHint returns advice for a connection that failed with a message. found is
// what listens at the address.
func connectHint(message string, found listener) string {
	if strings.Contains(message, "preface") {
		if found == speaksTLS {
			return "the listener speaks TLS; give --tls-ca, the authority of its certificate (auth.tls.cert if it is self-signed)"
		}
		return "this is not the gRPC listener of a dynlb; give another address: --admin host:port"
	}
	for _, hint := range []struct{ sign, text string }{
		{"remote error: tls:", "the listener refuses this client's certificate; give one that auth.tls.clientCA signed: --tls-cert and --tls-key"},
		{"first record does not look like a TLS handshake", "the listener does not speak TLS; leave out the --tls flags"},
		{"certificate is valid for", "give one of these names with --tls-server-name"},
		{"cannot validate certificate for", "give a name that is in its certificate with --tls-server-name"},
		{"certificate is not valid for any names", "the certificate of the listener has no name; make one with a subject alternative name"},
		{"signed by unknown authority", "give the authority of its certificate with --tls-ca (auth.tls.cert if it is self-signed)"},
	} {
		if strings.Contains(message, hint.sign) {
			return hint.text
		}
	}
	return "is it running ('dynlb serve')? for another address: --admin host:port"
}

// deniedHint returns advice for a call that was denied with a message.
func deniedHint(message string) string {
	if strings.Contains(message, "certificate") {
		return "give --tls-cert and --tls-key, signed by auth.tls.clientCA"
	}
	return "give --token-file, the file that auth.tokenFile names"
}

// hintedRuns is how many dynlb of the machine are named when none answers.
const hintedRuns = 3

// othersHint returns a line that names the dynlb of this machine, after the end of another
// line; "" if there is none.
func othersHint(all []runs.Record) string {
	var texts []string
	for i := range all[:min(len(all), hintedRuns)] {
		texts = append(texts, terminal.Printable(fmt.Sprintf("--admin %s (%s)", all[i].Admin, cmp.Or(all[i].Config, "the defaults"))))
	}
	switch {
	case len(all) == 0:
		return ""
	case len(all) > hintedRuns:
		texts = append(texts, "and others: 'dynlb ls'")
	}
	return "\non this machine there is " + strings.Join(texts, ", ")
}
