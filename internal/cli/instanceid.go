package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

// instanceID is the beginning of the id of an instance, as a flag.
type instanceID struct{ value *string }

// instanceFlag gives cmd the flag --instance.
func instanceFlag(cmd *cobra.Command, value *string) {
	cmd.Flags().Var(instanceID{value}, "instance", "only of this instance: the first characters of its id are enough")
}

// Set implements pflag.Value.
func (i instanceID) Set(text string) error {
	*i.value = ofMark(text)
	return nil
}

// String implements pflag.Value.
func (i instanceID) String() string {
	if i.value == nil {
		return ""
	}
	return *i.value
}

// Type implements pflag.Value.
func (instanceID) Type() string { return "string" }

// ofMark returns the id of an instance, or the beginning of one. It may be given as the mark,
// which an app has in DYNLB_INSTANCE: RUN/ID.
func ofMark(text string) string { return text[strings.LastIndexByte(text, '/')+1:] }
