package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/daemon"
)

func newCheck(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "check [FILE]",
		Short: "Validate the config file",
		Long: `Read the config file, FILE or that of --config, and report all its errors with
their line numbers. The exit code is 0 if 'dynlb serve', run by the same user,
would accept the file, and 2 if not. What is probably a mistake is a warning on
stderr.`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) > 1:
				return errors.New("check takes one file")
			case len(args) == 1 && o.config != "":
				return errors.New("FILE and --config mean the same; give one of them")
			}
			return nil
		},
		ValidArgsFunction: cobra.FixedCompletions([]string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt),
		RunE: func(cmd *cobra.Command, args []string) error {
			settings, err := config.Load(cmp.Or(o.config, strings.Join(args, "")), os.Getenv)
			if err != nil {
				return err
			}
			if err := daemon.Check(settings); err != nil {
				return err
			}
			for _, warning := range warnings(&settings) {
				fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s\n", warning)
			}
			if settings.Path == "" {
				fmt.Fprintf(cmd.OutOrStdout(), "no %s found: the defaults apply\n", config.DefaultPath)
				return nil
			}
			app := "the built-in demo backend"
			if argv := settings.Argv(settings.BasePort); argv != nil {
				app = strings.Join(argv, " ")
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is valid: %d to %d instances of %s, on %s\n",
				settings.Path, settings.MinInstances, settings.MaxInstances, app, settings.Listen)
			return nil
		},
	}
}
