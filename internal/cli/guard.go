package cli

import (
	"github.com/spf13/cobra"

	"github.com/dynlb/dynlb/internal/process/orphan"
)

// newGuard is the command of the process that watches over the daemon; `dynlb serve` starts it.
func newGuard() *cobra.Command {
	return &cobra.Command{
		Use:    "guard",
		Short:  "Kill what is left of the instances when dynlb is gone; 'dynlb serve' runs it",
		Hidden: true,
		RunE:   func(cmd *cobra.Command, _ []string) error { return orphan.RunGuard(cmd.InOrStdin()) },
	}
}
