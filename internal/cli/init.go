package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/firstrun"
	"github.com/dynlb/dynlb/internal/recipe"
)

func newInit(o *options) *cobra.Command {
	var untried bool
	cmd := &cobra.Command{
		Use:   "init [flags] [FILE | COMMAND...]",
		Short: "Write a config for the app in this folder",
		Long: `Find out how the app in this folder is started, start it once to see which path
answers the health check, and write config.yaml. It is found by a Procfile, by
package.json, or by the files that Python, Ruby, PHP and Go apps have; FILE or COMMAND
says it instead. A config that exists is never overwritten.`,
		Example: `  dynlb init
  dynlb init server.mjs
  dynlb init -- gunicorn -b 127.0.0.1:{port} shop.wsgi`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			path := cmp.Or(o.config, config.FindDefault())
			if _, err := os.Lstat(path); err == nil {
				return fmt.Errorf("%s exists, and init writes a new config only; edit it, or move it away", path)
			} else if !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			r, health, err := tryApp(cmd.Context(), filepath.Dir(path), args, untried, func(line string) { fmt.Fprintln(cmd.ErrOrStderr(), line) })
			if err != nil {
				return err
			}
			if err := writeNew(path, r.Config(health, "")); err != nil {
				return err
			}
			next := "dynlb serve"
			if o.config != "" {
				next += " --config " + o.config
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is written; next: %s\n", path, next)
			return nil
		},
	}
	cmd.Flags().SetInterspersed(false) // what follows COMMAND are its own flags
	cmd.Flags().BoolVar(&untried, "no-try", false, "do not start the app; healthPath is / then")
	return cmd
}

// tryApp returns the recipe for the app in a folder, or for what args name, and the path of
// its health check; it tells what it does. Unless untried, the app is started to find the
// path.
func tryApp(ctx context.Context, dir string, args []string, untried bool, tell func(line string)) (r *recipe.Recipe, health string, err error) {
	if r, err = findRecipe(dir, args); err != nil {
		return nil, "", err
	}
	if untried {
		return r, "/", nil
	}
	if r.Build != nil {
		return nil, "", fmt.Errorf("%s does not exist yet; build it first: %s", r.Command[0], strings.Join(r.Build, " "))
	}
	settings, err := config.Parse(r.From, []byte(r.Config("", "")), dir, nil)
	if err != nil {
		return nil, "", err
	}
	tell(fmt.Sprintf("trying %s (from %s)", strings.Join(r.Command, " "), r.From))
	app := firstrun.App{Argv: settings.Argv, Dir: settings.WorkDir}
	for _, v := range r.Env {
		app.Env = append(app.Env, v.Name+"="+v.Value)
	}
	if health, err = firstrun.Run(ctx, app); err != nil {
		return nil, "", err
	}
	tell("GET " + health + " is answered: it is the health check")
	return r, health, nil
}

// findRecipe returns the recipe for the app in a folder, or for what args name.
func findRecipe(dir string, args []string) (*recipe.Recipe, error) {
	if len(args) == 0 {
		r, err := recipe.Find(dir)
		if errors.Is(err, recipe.ErrNone) {
			err = fmt.Errorf("%w; name what to run: dynlb init FILE, or dynlb init -- COMMAND ARGUMENTS", err)
		}
		return r, err
	}
	r, err := recipe.For(dir, args)
	if _, unknown := errors.AsType[recipe.UnknownError](err); unknown {
		return nil, usageError{err}
	}
	return r, err
}

// writeNew writes a file that does not exist.
func writeNew(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // as an editor does: it has no secrets
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
