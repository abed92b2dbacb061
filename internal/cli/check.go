package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/daemon"
	"github.com/dynlb/dynlb/internal/schedule"
)

func newCheck(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "check [FILE]",
		Example: "  dynlb check\n  dynlb check other.yaml",
		Short:   "Validate the config file",
		Long: `Read the config file, FILE or that of --config, and report all its errors with
their line numbers. The exit code is 0 if 'dynlb serve', run by the same user,
would accept the file, and 2 if not. What is probably a mistake is a warning on
stderr. Each app is printed, and the next runs of each entry of its schedule.`,
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
			printConfig(cmd.OutOrStdout(), &settings, time.Now())
			return nil
		},
	}
}

// printConfig prints what a config asks for: the only app on one line, or each app on
// one of its own.
func printConfig(w io.Writer, c *config.Config, now time.Time) {
	if c.Apps == nil {
		fmt.Fprintf(w, "%s is valid: %s, on %s\n", c.Path, describe(&c.App), c.Listen)
		printSchedule(w, c.Schedule, now)
		return
	}
	fmt.Fprintf(w, "%s is valid: %d apps, on %s\n", c.Path, len(c.Apps), c.Listen)
	for i := range c.Apps {
		a := &c.Apps[i]
		fmt.Fprintf(w, "app %s: %s, for %s\n", a.Name, describe(a), requestsOf(a))
		printSchedule(w, a.Schedule, now)
	}
}

// describe returns how many instances of which program an app has.
func describe(a *config.App) string {
	program := "the built-in demo backend"
	if argv := a.Shown(a.BasePort); argv != nil {
		program = strings.Join(argv, " ")
	}
	return fmt.Sprintf("%d to %d instances of %s", a.MinInstances, a.MaxInstances, program)
}

// requestsOf returns which requests are for an app: "a.example.com/api (stripped)".
func requestsOf(a *config.App) string {
	hosts, paths := a.Hosts, a.Paths
	if len(hosts) == 0 {
		hosts = []string{"any host"}
	}
	text := strings.Join(hosts, ", ")
	if len(paths) > 0 {
		text += " below " + strings.Join(paths, ", ")
	}
	if a.Strip {
		text += ", which is stripped"
	}
	return text
}

// printedRuns is how many runs of each entry of a schedule are printed.
const printedRuns = 3

// printSchedule prints the next runs of each entry, with their offset from UTC.
func printSchedule(w io.Writer, plan schedule.Plan, now time.Time) {
	force := plan.At(now)
	for i := range plan {
		e, mark := &plan[i], ""
		if i == force {
			mark = ", in force now"
		}
		fmt.Fprintf(w, "schedule %s: %d to %d instances%s; next runs:\n", e.Cron, e.Min, e.Max, mark)
		at := now
		for range printedRuns {
			at = e.Cron.Next(at)
			fmt.Fprintf(w, "  %s\n", at.Format("Mon 2006-01-02 15:04 -07:00"))
		}
	}
}
