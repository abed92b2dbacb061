package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersion(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Example: "  dynlb version",
		Short:   "Print the version",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			fmt.Fprintln(cmd.OutOrStdout(), versionLine(o.version))
			return nil
		},
	}
}

// versionLine returns the line that `dynlb version` prints.
func versionLine(version string) string {
	return fmt.Sprintf("dynlb %s (%s, %s/%s)", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// versionText returns the version of this binary: the one that the linker has set,
// or else the one that the Go toolchain knows.
func versionText(linked string) string {
	if linked != "" {
		return linked
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
