package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dynlb/dynlb/internal/runs"
)

// broke reports whether a call that failed with a message had a connection, which broke or
// which dynlb has ended.
func (r *remote) broke(message string) bool {
	return r.reached && !strings.Contains(message, "Error while dialing") // gRPC connects again for a later call
}

// brokenError is that of a call whose connection broke. what is what the call has begun, such
// as the deploy; "" if that is nothing.
func brokenError(message, what string) error {
	text := message
	if !strings.HasPrefix(message, "dynlb ") { // from gRPC, and not why dynlb has ended the call
		text = "the connection to dynlb broke: " + message
	}
	if what == "" {
		return errors.New(text + "\n'dynlb ls' shows what runs on this machine")
	}
	return fmt.Errorf("%s\n'dynlb status' says whether %s goes on", text, what)
}

// elsewhere returns the dynlb of this machine that have another address than the one that was
// tried.
func (r *remote) elsewhere() []runs.Record {
	all := r.others()
	return slices.DeleteFunc(slices.Clone(all), func(one runs.Record) bool {
		return recordAt(r.address, []runs.Record{one}) != nil
	})
}
