package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// flagError adds to the error of a flag what would be right.
func flagError(cmd *cobra.Command, err error) error {
	if flag, ok := errors.AsType[*pflag.NotExistError](err); ok && cmd.Name() == "scale" {
		if n, err := strconv.Atoi("-" + flag.GetSpecifiedShortnames()); err == nil {
			return usageError{fmt.Errorf("the number of instances is between minInstances and maxInstances, such as: dynlb scale 4; got %d", n)}
		}
	}
	hint := fmt.Sprintf(" (see '%s --help')", cmd.CommandPath())
	if flag, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		if want := valueOf(flag.GetFlag(), flag.GetValue()); want != "" {
			return usageError{fmt.Errorf("--%s %q: %s", flag.GetFlag().Name, flag.GetValue(), want)}
		}
	}
	return usageError{fmt.Errorf("%w%s", err, hint)}
}

// valueOf returns what the value of a flag has to be instead; "" if the error of the flag
// says it.
func valueOf(flag *pflag.Flag, value string) string {
	if flag.Name == "log-level" {
		return "use " + alternatives(logLevels)
	}
	switch flag.Value.Type() {
	case "duration":
		if _, err := strconv.Atoi(value); err == nil {
			return fmt.Sprintf("write %[1]ss or %[1]sm", value)
		}
		if n, ok := daysOf(value); ok {
			return fmt.Sprintf("write %dh", 24*n)
		}
		return "write a time, such as 30s, 5m or 2h"
	case "int", "int32", "int64", "uint", "uint32", "uint64":
		return "write a whole number"
	case "float64":
		return "write a number"
	case "bool":
		return "write true or false"
	}
	return ""
}

// checkPositive returns an error if a flag was given, and its value is not positive.
func checkPositive(cmd *cobra.Command, flag string, positive bool) error {
	if f := cmd.Flags().Lookup(flag); f.Changed && !positive {
		return usageError{fmt.Errorf("--%s must be above 0; got %v", flag, f.Value)}
	}
	return nil
}

// alternatives returns "a, b or c".
func alternatives(values []string) string {
	last := len(values) - 1
	if last == 0 {
		return values[0]
	}
	return strings.Join(values[:last], ", ") + " or " + values[last]
}
