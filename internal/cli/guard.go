package cli

import (
	"github.com/spf13/cobra"

	"github.com/dynlb/dynlb/internal/process/orphan"
)

// newGuard returns the command of the process that kills the instances when dynlb
// was killed.
func newGuard() *cobra.Command {
	return &cobra.Command{
		Use:    "guard",
		Short:  "Kill the remaining instances when dynlb is gone; 'dynlb serve' starts it",
		Hidden: true,
		RunE:   func(cmd *cobra.Command, _ []string) error { return orphan.RunGuard(cmd.InOrStdin()) },
	}
}
