package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// The errors of the flag package that flagError explains.
type (
	unknownShorthand interface {
		error
		GetSpecifiedShortnames() string
	}
	invalidValue interface {
		error
		GetValue() string
	}
)

// flagError adds to the error of a flag what would be right.
func flagError(cmd *cobra.Command, err error) error {
	if flag, ok := errors.AsType[unknownShorthand](err); ok && cmd.Name() == "scale" {
		if n, err := strconv.Atoi("-" + flag.GetSpecifiedShortnames()); err == nil {
			return usageError{fmt.Errorf("the number of instances is between minInstances and maxInstances, such as: dynlb scale 4; got %d", n)}
		}
	}
	hint := fmt.Sprintf(" (see '%s --help')", cmd.CommandPath())
	if flag, ok := errors.AsType[invalidValue](err); ok {
		value := flag.GetValue()
		_, notNumber := strconv.Atoi(value)
		switch message := err.Error(); {
		case strings.Contains(message, `"--log-level"`):
			return usageError{fmt.Errorf("--log-level %q: use %s", value, alternatives(logLevels))}
		case strings.Contains(message, "missing unit in duration") && notNumber == nil:
			hint = fmt.Sprintf("; write %[1]ss or %[1]sm", value)
		}
	}
	return usageError{fmt.Errorf("%w%s", err, hint)}
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
