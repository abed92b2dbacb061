package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dynlb/dynlb/internal/config"
)

func newCheck(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Validate the config file",
		Long: `Read the config file and report everything that is wrong with it, with line
numbers. Exit code 0: it is good; 2: it is not.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := config.Load(o.config, os.Getenv)
			if err != nil {
				return err
			}
			if settings.Path == "" {
				fmt.Fprintf(cmd.OutOrStdout(), "no %s here: the defaults apply\n", config.DefaultPath)
				return nil
			}
			start := "the built-in demo backend"
			if argv := settings.Argv(settings.BasePort); argv != nil {
				start = strings.Join(argv, " ")
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is valid: %d to %d instances of %s, on %s\n",
				settings.Path, settings.MinInstances, settings.MaxInstances, start, settings.Listen)
			return nil
		},
	}
}
